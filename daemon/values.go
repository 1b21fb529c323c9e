package daemon

import (
	"fmt"
	"strconv"
	"strings"
)

// SecretVar defines a flag for a secret. It has no default.
func (f *Flags) SecretVar(p *Secret, name, usage string) {
	f.Func(name, usage, func(v string) error { *p = Secret(v); return nil })
}

// ListVar defines a flag that may be repeated, each time with one value or
// several separated by commas. Empty values are dropped.
func (f *Flags) ListVar(p *[]string, name, usage string) {
	f.Var(&list{values: p}, name, usage)
}

type list struct {
	values *[]string
	set    bool // values no longer holds the default
}

// String implements flag.Value. The flag package also calls it on a zero value.
func (l *list) String() string {
	if l.values == nil {
		return ""
	}
	return strings.Join(*l.values, ",")
}

func (l *list) Set(v string) error {
	if !l.set {
		*l.values, l.set = nil, true
	}
	for s := range strings.SplitSeq(v, ",") {
		if s = strings.TrimSpace(s); s != "" {
			*l.values = append(*l.values, s)
		}
	}
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
	return strconv.FormatInt(int64(*b), 10)
}

func (b *byteSize) Set(v string) error {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(v, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 62)
		if err != nil || int64(n) > (1<<62)/u.factor {
			break
		}
		*b = byteSize(int64(n) * u.factor)
		return nil
	}
	return fmt.Errorf("want a number of bytes such as 1048576, 64MiB or 2GB")
}
