# SPDX-License-Identifier: Apache-2.0
# fish completion for contexe: asks `contexe complete`, which knows every command, option and name.

function __contexe_complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l program $words[1]
    set -l root
    set -e words[1]

    # what stands before the command: --root is needed to find names, -jN means run
    while set -q words[1]
        switch $words[1]
            case --root
                set -q words[2]; or break # its value is asked for
                set root $words[2]
                set -e words[1]
            case '--root=*'
                set root (string replace -- --root= '' $words[1])
            case --json --quiet -q
            case '-j*'
                set -p words run
                break
            case '*'
                break
        end
        set -e words[1]
    end

    set -l keep '' # --name=value is asked for as --name value
    if string match -q -- '--*=*' $cur
        set keep (string replace -r '=.*' '=' -- $cur)
        set -a words (string replace -r '=.*' '' -- $cur)
        set cur (string replace -r '^[^=]*=' '' -- $cur)
    end

    test -n "$root"; and set -lx CONTEXE_ROOT $root
    $program complete $words "$cur" 2>/dev/null | while read -l line
        switch $line
            case ':file*'
                __fish_complete_path $cur | string replace -r '^' -- $keep
            case ':dir*'
                __fish_complete_directories $cur '' | string replace -r '^' -- $keep
            case ':command*'
                __fish_complete_command
            case '*'
                echo $keep$line
        end
    end
end

complete -c contexe -f -a '(__contexe_complete)'
