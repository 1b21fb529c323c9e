package daemon

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Flags is a set of flags, each with an environment variable as its default:
// HEADSTART_ and the flag's name in capitals, unless EnvName says otherwise.
// The command line wins over the environment.
type Flags struct {
	*flag.FlagSet
	about string
	env   map[string]string
}

// NewFlags returns an empty set for a program. about is the help's first line.
func NewFlags(program, about string) *Flags {
	fs := flag.NewFlagSet(program, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &Flags{FlagSet: fs, about: about, env: map[string]string{}}
}

// EnvName gives a flag another environment variable than its name says.
func (f *Flags) EnvName(flagName, variable string) { f.env[flagName] = variable }

// Variable returns the environment variable that is a flag's default.
func (f *Flags) Variable(flagName string) string {
	if v, ok := f.env[flagName]; ok {
		return v
	}
	return "HEADSTART_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// SecretVar defines a flag for a secret. Its default is shown redacted.
func (f *Flags) SecretVar(p *Secret, name, usage string) {
	f.Func(name, usage, func(v string) error { *p = Secret(v); return nil })
}

// ListVar defines a flag for comma-separated values; empty ones are dropped.
func (f *Flags) ListVar(p *[]string, name, usage string) {
	f.Var((*list)(p), name, usage)
}

type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(v string) error {
	*l = nil
	for s := range strings.SplitSeq(v, ",") {
		if s = strings.TrimSpace(s); s != "" {
			*l = append(*l, s)
		}
	}
	return nil
}

// EachVar defines a flag that may be given several times, each with one value or
// several separated by commas. What the command line gives takes the place of
// what the environment does.
func (f *Flags) EachVar(p *[]string, name, usage string) {
	f.Var(&each{values: p, fresh: true}, name, usage)
}

type each struct {
	values *[]string
	fresh  bool // what is there is a default
}

func (e *each) String() string {
	if e.values == nil {
		return ""
	}
	return strings.Join(*e.values, ",")
}

func (e *each) Set(v string) error {
	var more list
	if err := more.Set(v); err != nil {
		return err
	}
	if e.fresh {
		*e.values, e.fresh = nil, false
	}
	*e.values = append(*e.values, more...)
	return nil
}

// BytesVar defines a flag for a number of bytes: 1048576, 64MiB, 2GB.
func (f *Flags) BytesVar(p *int64, name string, value int64, usage string) {
	*p = value
	f.Var((*byteSize)(p), name, usage)
}

type byteSize int64

var byteUnits = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

func (b *byteSize) String() string {
	for _, u := range []int{2, 1, 0} {
		if unit := byteUnits[u]; b != nil && *b > 0 && int64(*b)%unit.factor == 0 {
			return fmt.Sprintf("%d%s", int64(*b)/unit.factor, unit.suffix)
		}
	}
	return fmt.Sprintf("%d", *b)
}

func (b *byteSize) Set(v string) error {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(v, u.suffix)
		if !ok {
			continue
		}
		var n int64
		if _, err := fmt.Sscanf(digits, "%d", &n); err != nil || fmt.Sprint(n) != digits || n < 0 || n > (1<<62)/u.factor {
			break
		}
		*b = byteSize(n * u.factor)
		return nil
	}
	return fmt.Errorf("want a number of bytes such as 1048576, 64MiB or 2GB")
}

// UsageError is a mistake in flags or environment: the process exits with 2.
type UsageError struct{ err error }

func (e *UsageError) Error() string { return e.err.Error() }
func (e *UsageError) Unwrap() error { return e.err }

// Usage makes a UsageError, for checks that flags alone can't make.
func Usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// ErrHelp is returned by Parse when help was asked for and printed.
var ErrHelp = flag.ErrHelp

// Parse reads the environment, then the command line. It returns ErrHelp after
// printing the help to out, or a UsageError that holds every mistake.
func (f *Flags) Parse(args []string, out io.Writer) error {
	if slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" }) {
		f.PrintHelp(out)
		return ErrHelp
	}
	problems := []error{f.ApplyEnv(os.LookupEnv)}
	for {
		err := f.FlagSet.Parse(args)
		if err == nil {
			break
		}
		problems = append(problems, f.explain(err))
		rest := f.Args()
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			rest = rest[1:] // the value of what is no flag
		}
		args = rest
	}
	for _, a := range f.Args() {
		problems = append(problems, fmt.Errorf("unexpected argument %q", a))
	}
	if err := errors.Join(problems...); err != nil {
		return Usage("%w\nrun '%s --help' for the flags", err, f.Name())
	}
	return nil
}

// ApplyEnv sets each flag whose environment variable is set and not empty.
func (f *Flags) ApplyEnv(lookup func(string) (string, bool)) error {
	var problems []error
	f.VisitAll(func(fl *flag.Flag) {
		name := f.Variable(fl.Name)
		if v, ok := lookup(name); ok && v != "" {
			if err := fl.Value.Set(v); err != nil {
				problems = append(problems, fmt.Errorf("environment variable %s: %w", name, err))
			}
			if e, ok := fl.Value.(*each); ok {
				e.fresh = true
			}
		}
	})
	return errors.Join(problems...)
}

func (f *Flags) explain(err error) error {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return err
	}
	if near := f.nearest(strings.TrimPrefix(name, "-")); near != "" {
		return fmt.Errorf("unknown flag --%s: did you mean --%s?", name, near)
	}
	return fmt.Errorf("unknown flag --%s", name)
}

func (f *Flags) nearest(name string) string {
	var names []string
	f.VisitAll(func(fl *flag.Flag) { names = append(names, fl.Name) })
	return Nearest(name, names)
}

// Nearest returns the candidate that a name was most likely meant to be, empty
// when none is close.
func Nearest(name string, candidates []string) string {
	best, distance := "", 3
	for _, c := range candidates {
		if d := editDistance(name, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// PrintHelp writes what the program is for and every flag with its default
// and environment variable.
func (f *Flags) PrintHelp(out io.Writer) {
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s [flags]\n\nFlags (each has an environment variable as its default):\n", f.about, f.Name())
	f.VisitAll(func(fl *flag.Flag) {
		kind, usage := flag.UnquoteUsage(fl)
		fmt.Fprintf(out, "  --%s %s\n        %s", fl.Name, kind, usage)
		if fl.DefValue != "" && fl.DefValue != "false" && fl.DefValue != "0" && fl.DefValue != "0s" {
			fmt.Fprintf(out, " (default %s)", fl.DefValue)
		}
		fmt.Fprintf(out, " [$%s]\n", f.Variable(fl.Name))
	})
}
