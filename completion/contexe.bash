# SPDX-License-Identifier: Apache-2.0
# bash completion for contexe: asks `contexe complete`, which knows every command, option and name.

_contexe()
{
	local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT}
	local -a words args=()
	local root= i cur keep value

	# whole words: COMP_WORDS is cut at = and : as well
	read -ra words <<<"$line"
	[[ $line == *[[:blank:]] ]] && words+=("")
	cur=${words[${#words[@]} - 1]}

	# what stands before the command: --root is needed to find names, -jN means run
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--root) # the last but one: its value is asked for
			[[ $i -lt $((${#words[@]} - 2)) ]] || break
			root=${words[++i]}
			;;
		--root=*) root=${words[i]#*=} ;;
		--json | --quiet | -q) ;;
		*) break ;;
		esac
	done
	[[ $i -lt $((${#words[@]} - 1)) && ${words[i]} == -j* ]] && args=(run)
	args+=("${words[@]:i}")
	if [[ $cur == --*=* ]]; then # --name=value is asked for as --name value
		args[${#args[@]} - 1]=${cur%%=*}
		args+=("${cur#*=}")
		cur=${cur#*=}
	fi

	# readline puts a candidate in the place of what follows the last of these
	keep=${cur%"${cur##*[=:]}"}

	COMPREPLY=()
	while IFS=$'\t' read -r value _; do
		case $value in
		:file) _contexe_paths -f "${cur#"$keep"}" ;;
		:dir) _contexe_paths -d "${cur#"$keep"}" ;;
		:command) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$cur") ;;
		"$cur"*) COMPREPLY+=("${value#"$keep"}") ;;
		esac
	done < <(CONTEXE_ROOT=${root:-$CONTEXE_ROOT} "${words[0]}" complete "${args[@]}" 2>/dev/null)
}

_contexe_paths()
{
	compopt -o filenames 2>/dev/null
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "$1" -- "$2")
}

complete -F _contexe contexe
