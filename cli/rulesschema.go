package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect/rule/schema"
)

func rulesSchemaCommand() *cobra.Command {
	kind := "rule"
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema by which editors complete and check rules",
		Long: `Print the JSON Schema (draft-07) by which editors complete and check rules as they
are written. Editors with yaml-language-server, such as Visual Studio Code, read
it where a rule begins with

  # yaml-language-server: $schema=rule.schema.json

What a schema can't say, such as whether a condition is one, 'headstart rules
check' says.`,
		Example: `  headstart rules schema > rule.schema.json
  headstart rules schema --kind lists > lists.schema.json`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(schema.Kinds(), kind) {
				return daemon.Usage("--kind %q: want %s", kind, strings.Join(schema.Kinds(), ", "))
			}
			return write(c.OutOrStdout(), string(schema.JSON(kind)))
		},
	}
	c.Flags().StringVar(&kind, "kind", kind, "what `file` it is of: rule, override, lists, macros or tests")
	complete(c, "kind", schema.Kinds()...)
	return c
}
