package rules

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/rule/schema"
)

func newSchema() *cobra.Command {
	kind := "rule"
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema with which editors complete and check rules",
		Long: `Print the JSON Schema (draft-07) with which editors complete and check rules.
Editors with yaml-language-server, such as Visual Studio Code, read it if a rule
begins with

  # yaml-language-server: $schema=rule.schema.json

'headstart rules check' finds what a schema can't express, such as errors in
conditions.`,
		Example: `  headstart rules schema > rule.schema.json
  headstart rules schema --kind lists > lists.schema.json`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(schema.Kinds(), kind) {
				return daemon.Usage("--kind %q: want %s", kind, strings.Join(schema.Kinds(), ", "))
			}
			return cmdutil.Write(c.OutOrStdout(), string(schema.JSON(kind)))
		},
	}
	c.Flags().StringVar(&kind, "kind", kind, "`kind` of file: "+strings.Join(schema.Kinds(), ", "))
	cmdutil.Complete(c, "kind", schema.Kinds()...)
	return c
}
