package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is what the long help says.
func (completionCommand) Help() string {
	return "bash: source <(millrace completion bash). zsh: source <(millrace completion zsh). fish: millrace completion fish | source."
}

// Run prints a script that completes commands and flags. It is made of the
// grammar, so it knows what this binary knows.
func (s completionCommand) Run(c *console, parser *kong.Kong) error {
	var cases strings.Builder
	walkCommands(parser.Model.Node, nil, func(path, words []string) {
		if s.Shell == "fish" {
			fmt.Fprintf(&cases, "    case '%s'\n        printf '%%s\\n' %s\n", strings.Join(path, " "), strings.Join(words, " "))
			return
		}
		fmt.Fprintf(&cases, "    '%s') words='%s' ;;\n", strings.Join(path, " "), strings.Join(words, " "))
	})
	_, err := fmt.Fprintf(c.out, completionScript(s.Shell), cases.String())
	return err
}

// walkCommands visits every command with the words that may follow it.
func walkCommands(node *kong.Node, path []string, visit func(path, words []string)) {
	var words []string
	for _, child := range node.Children {
		if child.Type == kong.CommandNode {
			words = append(words, child.Name)
			walkCommands(child, append(path[:len(path):len(path)], child.Name), visit)
		}
	}
	flags := node
	if node.DefaultCmd != nil {
		flags = node.DefaultCmd // which may be left out
	}
	for _, group := range flags.AllFlags(true) {
		for _, f := range group {
			words = append(words, "--"+f.Name)
		}
	}
	visit(path, words)
}

func completionScript(shell string) string {
	switch shell {
	case "fish":
		return `function __millrace_words
    set -l path
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; and continue
        set -a path $word
        test (count $path) -ge 2; and break
    end
    while true
        switch (string join ' ' -- $path)
%s        case '*'
            set -e path[-1]
            continue
        end
        break
    end
end
complete -c millrace -a '(__millrace_words)'
`
	case "zsh":
		return "autoload -U +X bashcompinit && bashcompinit\n" + completionScript("bash")
	}
	return `_millrace() {
  local current=${COMP_WORDS[COMP_CWORD]} path='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in -*) ;; *) path="$path ${COMP_WORDS[i]}" ;; esac
  done
  path=${path# }
  while :; do
    case $path in
%s    *) case $path in *' '*) path=${path%% *}; continue ;; *) break ;; esac ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _millrace millrace
`
}
