package readme_test

import (
	"maps"
	"path"
	"regexp"
	"strings"
	"testing"

	"headstart/test/cli"
	"headstart/test/process"
)

var (
	flagName = regexp.MustCompile(`--([a-z][a-z0-9-]*)`)
	ours     = regexp.MustCompile(`^(?:[A-Z_]+=\S* )*(?:go run \./)?(?:services/\w+/cmd/|bin/)?(headstart|poller|tracker|correlator|notifier) `)
)

// Flags of other programs that documents name without a command.
const foreign = " from-file " // kubectl create secret

// TestFlagsThatDocumentsNameExist checks the flags of headstart's programs in the
// documents' code: in commands, and without a command.
func TestFlagsThatDocumentsNameExist(t *testing.T) {
	known := map[string]map[string]bool{"": {}}
	for importPath, program := range process.Build(t, "headstart/cmd/headstart", "headstart/cmd/poller",
		"headstart/cmd/tracker", "headstart/cmd/correlator", "headstart/cmd/notifier") {
		learnFlags(t, known, path.Base(importPath), program)
	}
	named := 0
	for _, d := range documents(t, repository(t)) {
		for _, code := range d.code() {
			program := ""
			if match := ours.FindStringSubmatch(code); match != nil {
				program = command(known, match[1], strings.TrimPrefix(code, match[0]))
			} else if !strings.HasPrefix(code, "--") {
				continue
			}
			for _, flag := range flagName.FindAllStringSubmatch(code, -1) {
				named++
				if !known[program][flag[1]] && !strings.Contains(foreign, " "+flag[1]+" ") {
					t.Errorf("%s: `%s`: there is no flag --%s", d.path, code, flag[1])
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d flags found in the documents", named)
	}
}

var subcommand = regexp.MustCompile(`(?m)^  ([a-z]+) {2,}[A-Z]`)

// learnFlags records the flags of a program, and of its subcommands under their
// full names.
func learnFlags(t *testing.T, known map[string]map[string]bool, name, program string) {
	args := append(strings.Fields(name)[1:], "--help")
	help, _, _ := cli.Run(t, cli.Spec{Path: program, Args: args})
	flags := map[string]bool{"help": true}
	for _, flag := range flagName.FindAllStringSubmatch(help, -1) {
		flags[flag[1]] = true
	}
	known[name] = flags
	maps.Copy(known[""], flags)
	_, commands, _ := strings.Cut(help, "Available Commands:")
	commands, _, _ = strings.Cut(commands, "\nFlags:")
	for _, match := range subcommand.FindAllStringSubmatch(commands, -1) {
		if match[1] != "help" && match[1] != "completion" {
			learnFlags(t, known, name+" "+match[1], program)
		}
	}
}

// command returns the full name of the command that a line runs.
func command(known map[string]map[string]bool, name, rest string) string {
	for _, word := range strings.Fields(rest) {
		if known[name+" "+word] == nil {
			break
		}
		name += " " + word
	}
	return name
}
