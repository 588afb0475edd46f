/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_record.h - what an image says of the container itself: type "container", id 0.
 */
#pragma once

#include "checkpoint/image/record.h"

struct container_file {
	char *name; /* in the container's directory: "hosts", "hostname" */
	struct bytes content;
};

/* A tmpfs of the container that had something in it. */
struct container_tmpfs {
	char *destination;
	char *blob;
};

struct container_record {
	char *name;
	uint64_t number;
	char *id;		/* of the container that was dumped */
	char *engine;		/* version of contexe that wrote it */
	char *kernel, *machine; /* uname(2) */
	struct bytes spec;	/* config.json */
	char *directory;	/* of the container then: its mounts name files below it */
	int32_t job;		/* the job's pid inside; 1 with --init none */
	bool own_init;
	uint64_t monotonic, boottime; /* ns, of the container's clocks at the stop */
	uint64_t realtime;
	uint64_t born;	   /* state.json's, on the container's clock */
	struct list files; /* struct container_file */
	struct list tmpfs; /* struct container_tmpfs */
	bool has_layer; /* the private layer exists; packed into the image as blob "layer", or kept beside */
	bool packed_layer;
	bool mapped_layer; /* its ids are those of the container's user namespace */
	uint64_t started;  /* state.json's: whether the directory is still as at the stop */
};

extern const struct field container_record_fields[];
