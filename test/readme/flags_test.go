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

// Flags of other programs that documents name by themselves.
const foreign = " from-file " // kubectl create secret

// TestFlagsThatDocumentsNameExist looks at the flags of headstart's programs in
// what the documents set as code: in commands, and by themselves.
func TestFlagsThatDocumentsNameExist(t *testing.T) {
	known := map[string]map[string]bool{"": {}}
	for importPath, program := range process.Build(t, "headstart/headstart", "headstart/services/poller/cmd/poller",
		"headstart/services/tracker/cmd/tracker", "headstart/services/correlator/cmd/correlator", "headstart/services/notifier/cmd/notifier") {
		args := []string{"--help"}
		if path.Base(importPath) == "headstart" {
			args = []string{"run", "--help"}
		}
		help, _, _ := cli.Run(t, cli.Spec{Path: program, Args: args})
		flags := map[string]bool{"help": true}
		for _, flag := range flagName.FindAllStringSubmatch(help, -1) {
			flags[flag[1]] = true
		}
		known[path.Base(importPath)] = flags
		maps.Copy(known[""], flags)
	}
	named := 0
	for _, d := range documents(t, repository(t)) {
		for _, code := range d.code() {
			program := ""
			if match := ours.FindStringSubmatch(code); match != nil {
				program = match[1]
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
