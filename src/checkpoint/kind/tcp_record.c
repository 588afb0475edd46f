/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_record.c - see tcp_record.h. */
#include "checkpoint/kind/tcp_record.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "checkpoint/kind/socket_options.h"

#define F(member, kind) FIELD(struct tcp_flow, member, kind, .optional = true)

static const struct field flow_fields[] = {
	F(received, BYTES),  F(receive_end, U32),   F(sending, BYTES),
	F(send_start, U32),  F(unsent, U32),	    F(mss, U32),
	F(send_scale, U32),  F(receive_scale, U32), F(features, U32),
	F(timestamp, U32),   F(has_window, BOOL),   F(window_wl1, U32),
	F(window_send, U32), F(window_max, U32),    F(window_receive, U32),
	F(window_wup, U32),  F(fin_sent, BOOL),	    F(fin_received, BOOL),
	FIELDS_END,
};
#undef F

const struct field tcp_record_fields[] = {
	FIELD(struct tcp_record, domain, U32),
	FIELD(struct tcp_record, role, U32),
	FIELD(struct tcp_record, name, BYTES, .optional = true, .max = TCP_ADDRESS_MAX),
	FIELD(struct tcp_record, peer_name, BYTES, .optional = true, .max = TCP_ADDRESS_MAX),
	FIELD(struct tcp_record, peer, U64, .optional = true),
	FIELD(struct tcp_record, backlog, U32, .optional = true),
	FIELD(struct tcp_record, waiting, U64S, .optional = true),
	FIELD(struct tcp_record, waiting_data, BOOL, .optional = true),
	FIELD(struct tcp_record, shut, BOOL, .optional = true),
	FIELD(struct tcp_record, error, BOOL, .optional = true),
	FIELD(struct tcp_record, flow, MAP, .fields = flow_fields),
	FIELD_OPTIONS(struct tcp_record, options),
	FIELDS_END,
};

static const struct field waiting_fields[] = {
	FIELD(struct tcp_waiting, client, U64, .optional = true),
	FIELD(struct tcp_waiting, name, BYTES, .max = TCP_ADDRESS_MAX),
	FIELD(struct tcp_waiting, client_name, BYTES, .max = TCP_ADDRESS_MAX),
	FIELD(struct tcp_waiting, received, BYTES, .optional = true),
	FIELD(struct tcp_waiting, receive_end, U32, .optional = true),
	FIELDS_END,
};

const struct field tcp_waiting_fields[] = {
	FIELD(struct tcp_waiting_record, connections, LIST, .optional = true,
	      .fields = waiting_fields, .size = sizeof(struct tcp_waiting)),
	FIELDS_END,
};

void socket_address_print(const struct bytes *address, struct buf *out)
{
	struct sockaddr_storage ss = { 0 };
	char text[INET6_ADDRSTRLEN] = "?";
	memcpy(&ss, address->data ? address->data : &ss, MIN(address->size, sizeof(ss)));
	const struct sockaddr_in *in = (void *)&ss;
	const struct sockaddr_in6 *in6 = (void *)&ss;
	if (ss.ss_family == AF_INET) {
		(void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		buf_printf(out, "%s:%u", text, ntohs(in->sin_port));
	} else if (ss.ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		buf_printf(out, "[%s]:%u", text, ntohs(in6->sin6_port));
	}
}

void tcp_record_describe(const void *record, struct buf *out)
{
	static const char *const roles[TCP_ROLE_N] = {
		"not connected",
		"listening",
		"connecting",
		"connected",
		"waiting to be accepted",
		"connected, the other end is closed",
		"connected to outside",
		"ended",
	};
	const struct tcp_record *r = record;
	if (r->name.size)
		socket_address_print(&r->name, out);
	buf_printf(out, " %s", r->role < TCP_ROLE_N ? roles[r->role] : "?");
	if (r->peer_name.size) {
		buf_puts(out, " to ");
		socket_address_print(&r->peer_name, out);
	}
	if (r->flow.received.size || r->flow.sending.size)
		buf_printf(out, ", %zu bytes to be read, %zu to be sent", r->flow.received.size,
			   r->flow.sending.size);
	if (r->waiting.n)
		buf_printf(out, ", %zu wait to be accepted", r->waiting.n);
}
