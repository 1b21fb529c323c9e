package daemon

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"headstart/suggest"
)

// Flags is a set of flags, each with an environment variable as its default:
// HEADSTART_ and the flag's name in capitals, unless EnvName sets another. The
// command line wins over the environment.
//
// A service calls Parse. A command that parses by itself takes the flags from
// Documented and calls ApplyEnv afterwards.
type Flags struct {
	*flag.FlagSet
	about string
	env   map[string]string
}

// NewFlags returns an empty set for a program. about is the first line of its
// help.
func NewFlags(program, about string) *Flags {
	fs := flag.NewFlagSet(program, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &Flags{FlagSet: fs, about: about, env: map[string]string{}}
}

// EnvName sets the environment variable of a flag.
func (f *Flags) EnvName(flagName, variable string) { f.env[flagName] = variable }

// Variable returns the environment variable that is a flag's default.
func (f *Flags) Variable(flagName string) string {
	if v, ok := f.env[flagName]; ok {
		return v
	}
	return "HEADSTART_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Documented returns the flags, with their environment variables added to their
// help. It is called once.
func (f *Flags) Documented() *flag.FlagSet {
	f.VisitAll(func(fl *flag.Flag) { fl.Usage += " [$" + f.Variable(fl.Name) + "]" })
	return f.FlagSet
}

// ErrHelp is returned by Parse after it has printed the help.
var ErrHelp = flag.ErrHelp

// UsageError is a mistake in flags or environment: the process exits with 2.
type UsageError struct{ err error }

func (e *UsageError) Error() string { return e.err.Error() }
func (e *UsageError) Unwrap() error { return e.err }

// Usage returns a UsageError, for mistakes that parsing can't find.
func Usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Parse reads the command line, then the environment. It returns ErrHelp after
// printing the help to out, or a UsageError that holds every mistake.
func (f *Flags) Parse(args []string, out io.Writer) error {
	var problems []error
	for {
		err := f.FlagSet.Parse(args)
		if err == nil {
			break
		}
		if errors.Is(err, ErrHelp) {
			f.printHelp(out)
			return ErrHelp
		}
		problem, unknown := f.explain(err)
		problems = append(problems, problem)
		rest := f.Args()
		failed := args[len(args)-len(rest)-1]
		if unknown && !strings.Contains(failed, "=") && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			rest = rest[1:] // the value of the unknown flag
		}
		args = rest
	}
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	problems = append(problems, f.ApplyEnv(func(name string) bool { return given[name] }))
	for _, a := range f.Args() {
		problems = append(problems, fmt.Errorf("unexpected argument %q", a))
	}
	if err := errors.Join(problems...); err != nil {
		return Usage("%w\nrun '%s --help' for the flags", err, f.Name())
	}
	return nil
}

// ApplyEnv sets the flags that the command line has not given from those
// environment variables that are set and not empty. Its error is a UsageError
// that holds every mistake.
func (f *Flags) ApplyEnv(given func(flagName string) bool) error {
	var problems []error
	f.VisitAll(func(fl *flag.Flag) {
		variable := f.Variable(fl.Name)
		if v := os.Getenv(variable); v != "" && !given(fl.Name) {
			if err := fl.Value.Set(v); err != nil {
				problems = append(problems, fmt.Errorf("environment variable %s: %w", variable, err))
			}
		}
	})
	if err := errors.Join(problems...); err != nil {
		return Usage("%w", err)
	}
	return nil
}

// explain suggests a name for an unknown flag.
func (f *Flags) explain(err error) (problem error, unknown bool) {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return errors.New(strings.Replace(err.Error(), "flag -", "flag --", 1)), false
	}
	name = "--" + name
	var names []string
	f.VisitAll(func(fl *flag.Flag) { names = append(names, "--"+fl.Name) })
	return fmt.Errorf("unknown flag %s%s", name, suggest.DidYouMean(name, names)), true
}

func (f *Flags) printHelp(out io.Writer) {
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s [flags]\n\nFlags, each with the environment variable that is its default:\n", f.about, f.Name())
	f.VisitAll(func(fl *flag.Flag) {
		kind, usage := flag.UnquoteUsage(fl)
		fmt.Fprintf(out, "  --%s %s\n        %s", fl.Name, kind, usage)
		if fl.DefValue != "" && fl.DefValue != "false" && fl.DefValue != "0" && fl.DefValue != "0s" {
			fmt.Fprintf(out, " (default %s)", fl.DefValue)
		}
		fmt.Fprintf(out, " [$%s]\n", f.Variable(fl.Name))
	})
}
