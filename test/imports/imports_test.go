// Package imports_test checks the import rules of the workspace: which package may
// import which, and why.
package imports_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	Deps       []string
	GoFiles    []string
	Module     *struct{ Path string }
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	c := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports,Deps,GoFiles,Module"}, args...)...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, errs.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// service returns the service that a package belongs to, if any.
func service(path string) string {
	rest, ok := strings.CutPrefix(path, "headstart/services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range list(t, "work") {
		if within(p.ImportPath, "headstart/test") {
			continue
		}
		for _, i := range p.Imports {
			deny := func(why string) { t.Errorf("%s imports %s: %s", p.ImportPath, i, why) }
			if own, other := service(p.ImportPath), service(i); own != "" && other != "" && own != other {
				deny("no service imports another: streams connect them")
			}
			if within(i, "headstart/test") {
				deny("production code does not import test code")
			}
			runs := within(p.ImportPath, "headstart/cli/run") || within(p.ImportPath, "headstart/cli/clitest")
			if within(i, "github.com/nats-io/nats-server/v2") && !runs && !within(p.ImportPath, "headstart/bus/natstest") {
				deny("only 'headstart run' embeds the server, which is twice as large as a poller")
			}
			if within(p.ImportPath, "headstart/cli") && service(i) != "" && !runs {
				deny("only 'headstart run' runs services: streams and buckets connect the other commands")
			}
			if within(i, "github.com/nats-io/nats.go") && !within(p.ImportPath, "headstart/bus") {
				deny("only bus imports the NATS client")
			}
			if within(p.ImportPath, "headstart/event") && within(i, "headstart") && !within(i, "headstart/event") {
				deny("the contract imports no other package of headstart")
			}
			if within(p.ImportPath, "headstart/daemon") && within(i, "headstart") && !within(i, "headstart/daemon") && i != "headstart/suggest" {
				deny("daemon imports no other package of headstart than suggest")
			}
			if within(p.ImportPath, "headstart/bus") && service(i) != "" {
				deny("bus is below the services")
			}
		}
	}
}

// pure lists the packages that get everything as an argument, the time too. Replaying
// a day takes seconds and a kill changes nothing because of that.
var pure = []string{
	"headstart/event", "headstart/event/column", "headstart/event/wire",
	"headstart/services/poller/procnet",
	"headstart/conntable", "headstart/conntable/parts",
	"headstart/detect/rule", "headstart/detect/rule/schema", "headstart/detect/rule/format", "headstart/detect/rule/condition", "headstart/detect/rule/lint", "headstart/detect/rule/explain", "headstart/detect/bundle", "headstart/detect/firing", "headstart/detect/hosts",
	"headstart/detect/inventory", "headstart/suggest", "headstart/backoff", "headstart/yamlsrc",
	"headstart/detect/baseline", "headstart/detect/pattern", "headstart/detect/heartbeat",
	"headstart/detect/pairing", "headstart/detect/incident", "headstart/detect",
	"headstart/services/notifier/delivery", "headstart/services/notifier/nflog",
	"headstart/replay", "headstart/replay/reconstruct", "headstart/term", "headstart/report", "headstart/lab/scenario",
	"headstart/lab/simulate", "headstart/lab/score", "headstart/rulekit/ruletest",
	"headstart/rulekit/backtest", "headstart/rulekit/reporter", "headstart/rulekit/ruledoc", "headstart/rulekit/coverage",
	"headstart/rulekit/explain", "headstart/rulekit/scaffold",
}

func TestPurePackagesDoNoIO(t *testing.T) {
	forbidden := []string{"os", "os/exec", "log", "log/slog", "net", "net/http", "database/sql", "syscall", "headstart/bus", "headstart/daemon"}
	found := list(t, pure...)
	if len(found) != len(pure) {
		t.Fatalf("%d of %d packages found", len(found), len(pure))
	}
	for _, p := range found {
		for _, i := range p.Imports {
			// The table of outcomes names network errors and HTTP statuses.
			if (i == "net" || i == "net/http") && p.ImportPath == "headstart/services/notifier/delivery" {
				continue
			}
			if slices.Contains(forbidden, i) {
				t.Errorf("%s imports %s: a pure package does no I/O", p.ImportPath, i)
			}
		}
		for _, file := range p.GoFiles {
			checkCalls(t, filepath.Join(p.Dir, file))
		}
	}
}

// checkCalls reports calls that read a clock.
func checkCalls(t *testing.T, file string) {
	t.Helper()
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker"}, s.Sel.Name) {
				t.Errorf("%s: time.%s: a pure package gets the time as an argument", files.Position(s.Pos()), s.Sel.Name)
			}
		}
		return true
	})
}

func TestPollerImportsOnlyListedModules(t *testing.T) {
	// The poller runs on every server of a company. Every addition to this list has
	// its reason in docs/adr.
	own := []string{"headstart/bus", "headstart/daemon", "headstart/event", "headstart/suggest", "headstart/backoff", "headstart/services/poller", "headstart/cmd/poller"}
	allowed := []string{
		"github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/nats-io/nuid", "golang.org/x/crypto", "golang.org/x/sys",
		"github.com/klauspost/compress", "github.com/vmihailenco/msgpack/v5", "github.com/vmihailenco/tagparser/v2",
		"github.com/VictoriaMetrics/metrics", "github.com/valyala/fastrand", "github.com/valyala/histogram",
	}
	poller := list(t, "headstart/cmd/poller")[0]
	for _, p := range list(t, append([]string{"-e"}, poller.Deps...)...) {
		switch {
		case p.Module == nil: // the standard library
		case p.Module.Path == "headstart":
			if !slices.ContainsFunc(own, func(o string) bool { return within(p.ImportPath, o) }) {
				t.Errorf("the poller imports %s: add it to the list, or remove the import", p.ImportPath)
			}
		case !slices.Contains(allowed, p.Module.Path):
			t.Errorf("the poller imports %s of module %s: add it to the list, or remove the import", p.ImportPath, p.Module.Path)
		}
	}
}
