package incident_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/incident"
	"headstart/event"
	"headstart/event/wire"
)

var start = time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)

func address(host string) event.Address {
	h := fnv.New32a()
	h.Write([]byte(host))
	return event.AddressFrom4(0x0a000000 | h.Sum32()&0xffffff)
}

// edge is a step from one host to another, so many minutes after the start.
// A host that begins with ext is outside.
func edge(from, to string, port uint16, minutes float64) incident.Edge {
	return incident.Edge{
		Source: address(from), Destination: address(to), SourceHost: from, DestinationHost: to, Port: port,
		SourceExternal: strings.HasPrefix(from, "ext"), DestinationExternal: strings.HasPrefix(to, "ext"),
		At: start.Add(time.Duration(minutes * float64(time.Minute))), Reasons: []string{"unusual edge"},
	}
}

func signal(rule string, score float64, edges ...incident.Edge) incident.Signal {
	last := edges[len(edges)-1]
	s := incident.Signal{
		Rule: rule, Title: "Title of " + rule, Severity: event.Medium, Score: score, At: last.At.Add(20 * time.Second), Host: last.SourceHost, Edges: edges,
		Alert: fmt.Sprintf("%s/%s/%s/%d/%d", rule, last.SourceHost, last.DestinationHost, last.Port, last.At.Unix()),
	}
	if last.SourceExternal {
		s.Host = last.DestinationHost
	}
	return s
}

var know = incident.Knowledge{
	Host:     func(name string) ([]event.Address, []string, bool) { return []event.Address{address(name)}, nil, true },
	Reached:  func(name string, limit int) []event.NextHop { return nil },
	Database: func(port uint16) bool { return port == 5432 },
}

// newest holds the last revision of each incident.
type newest map[string]*event.Incident

func (n newest) take(revisions []*event.Incident) {
	for _, i := range revisions {
		n[i.ID] = i
	}
}

func parts(i *event.Incident) string {
	var all []string
	for _, p := range i.Parts {
		all = append(all, p.Host+" "+p.Part.String())
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func path(i *event.Incident) string {
	var all []string
	for _, e := range i.Path {
		from := e.SourceHost
		if from == "" {
			from = "outside"
		}
		all = append(all, fmt.Sprintf("%s>%s:%d", from, e.DestinationHost, e.Port))
	}
	return strings.Join(all, " ")
}

// play raises signals and notes edges and returns the last revisions.
func play(g *incident.Grouper, steps ...any) newest {
	n := newest{}
	now := start
	for _, s := range steps {
		switch s := s.(type) {
		case incident.Signal:
			g.Raise(s)
			now = later(now, s.At)
		case incident.Edge:
			g.Note(s)
			now = later(now, s.At)
		case time.Duration:
			now = start.Add(s)
		}
		g.Advance(now)
		n.take(g.Revisions(now, know))
	}
	n.take(g.Revisions(now.Add(2*time.Minute), know))
	return n
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func only(t *testing.T, n newest) *event.Incident {
	t.Helper()
	var found *event.Incident
	for _, i := range n {
		if i.MergedInto != "" {
			continue
		}
		if found != nil {
			t.Fatalf("two incidents: %q and %q", found.Title, i.Title)
		}
		found = i
	}
	if found == nil {
		t.Fatal("no incident")
	}
	return found
}

func TestReferenceIncidentIsOne(t *testing.T) {
	g := incident.New(incident.Options{})
	i := only(t, play(g,
		signal("ssh-then-database", 70, edge("ext-1", "web-01", 22, 0), edge("web-01", "db-01", 5432, 0.4)),
		signal("smb-from-web-server", 60, edge("web-01", "fs-02", 445, 45.7)),
		edge("web-01", "fs-01", 445, 77),
		signal("rdp", 60, edge("fs-01", "dc-01", 3389, 112)),
	))
	if got := path(i); got != "outside>web-01:22 web-01>db-01:5432 web-01>fs-02:445 web-01>fs-01:445 fs-01>dc-01:3389" {
		t.Error(got)
	}
	if got := parts(i); got != "db-01 target, dc-01 target, fs-01 pivot, fs-02 target, web-01 entry" {
		t.Error(got)
	}
	if !i.Notified || i.NotifiedAt.After(start.Add(2*time.Minute)) || i.Severity != event.Critical || i.State != event.IncidentUpdated {
		t.Errorf("notified %t at %v, %s, %s", i.Notified, i.NotifiedAt, i.Severity, i.State)
	}
	if len(i.Alerts) != 3 || len(i.Sources) != 1 || !strings.HasPrefix(i.Title, "web-01 reached ") {
		t.Errorf("%v, %v, %q", i.Alerts, i.Sources, i.Title)
	}
	r := i.Response
	if !slices.Equal(r.RotateKeys, []string{"web-01"}) || !slices.Equal(r.RotateCredentials, []string{"db-01:5432"}) || len(r.Segment) != 4 {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsUnusualLeadsToTheEntry(t *testing.T) {
	// The alert comes at the third host; the two steps before were only noted.
	g := incident.New(incident.Options{})
	i := only(t, play(g,
		edge("laptop", "app-01", 22, 0), edge("app-01", "app-02", 22, 10), edge("other", "elsewhere", 22, 11),
		signal("sweep", 60, edge("app-02", "db-01", 22, 20)),
	))
	if got := path(i); got != "laptop>app-01:22 app-01>app-02:22 app-02>db-01:22" {
		t.Error(got)
	}
	if got := parts(i); got != "app-01 pivot, app-02 pivot, db-01 target, laptop entry" {
		t.Error(got)
	}
}

func TestOrderOfArrivalChangesNothing(t *testing.T) {
	steps := []any{
		edge("laptop", "app-01", 22, 0), edge("app-01", "app-02", 22, 1), edge("noise-1", "noise-2", 22, 1),
		signal("a", 30, edge("app-02", "db-01", 22, 2)), signal("b", 30, edge("db-01", "db-02", 22, 3)),
		edge("db-02", "fs-01", 445, 3.5), signal("a", 30, edge("app-01", "app-03", 22, 4)),
	}
	var want string
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 300 {
		shuffled := slices.Clone(steps)
		if n > 0 {
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		}
		i := only(t, play(incident.New(incident.Options{}), shuffled...))
		if got := path(i) + "; " + parts(i) + fmt.Sprint("; ", i.Score); want == "" {
			want = got
		} else if got != want {
			t.Fatalf("order %v\n%s\nin order of time:\n%s", shuffled, got, want)
		}
	}
}

func TestSharedTargetsJoinNothing(t *testing.T) {
	g := incident.New(incident.Options{})
	n := play(g,
		signal("a", 60, edge("web-01", "dns-01", 53, 0)), signal("a", 60, edge("app-07", "dns-01", 53, 1)),
		signal("b", 60, edge("ws-03", "dns-01", 22, 2)),
	)
	if len(n) != 3 {
		t.Errorf("%d incidents, want 3", len(n))
	}
}

func TestSweepCarriesNothingOnForLong(t *testing.T) {
	// A scanner reaches everybody; what one of them does the next day is
	// another matter.
	g := incident.New(incident.Options{})
	var steps []any
	for n := range 40 {
		steps = append(steps, signal("sweep", 30, edge("scanner", fmt.Sprintf("host-%02d", n), 22, float64(n)/10)))
	}
	steps = append(steps, signal("b", 60, edge("host-30", "host-99", 22, 24*60)))
	n := play(g, steps...)
	if len(n) != 2 {
		t.Errorf("%d incidents, want 2", len(n))
	}
}

func TestTwoThatTurnOutToBeOne(t *testing.T) {
	g := incident.New(incident.Options{})
	n := play(g,
		signal("a", 40, edge("web-01", "app-01", 22, 0)),
		signal("a", 70, edge("app-02", "db-01", 22, 30)),
		// How app-02 was reached becomes known late.
		signal("b", 40, edge("app-01", "app-02", 22, 20)),
	)
	if len(n) != 2 {
		t.Fatalf("%d incidents", len(n))
	}
	i := only(t, n)
	if got := path(i); got != "web-01>app-01:22 app-01>app-02:22 app-02>db-01:22" {
		t.Error(got)
	}
	for _, other := range n {
		if other != i && (other.State != event.IncidentResolved || other.MergedInto != i.ID) {
			t.Errorf("%+v", other)
		}
	}
	if !i.Notified || !i.NotifiedAt.Equal(start.Add(30*time.Minute+20*time.Second)) {
		t.Errorf("notified %t at %v", i.Notified, i.NotifiedAt)
	}
}

func TestIncidentLifecycle(t *testing.T) {
	g := incident.New(incident.Options{})
	seen := map[string][]string{}
	now := start
	step := func(at time.Duration, s *incident.Signal) {
		now = start.Add(at)
		if s != nil {
			g.Raise(*s)
		}
		g.Advance(now)
		for _, i := range g.Revisions(now, know) {
			seen[i.ID] = append(seen[i.ID], i.State.String())
			if i.Revision != uint64(len(seen[i.ID])) {
				t.Errorf("revision %d after %d", i.Revision, len(seen[i.ID]))
			}
		}
	}
	first, second := signal("a", 60, edge("a", "b", 22, 0)), signal("b", 60, edge("b", "c", 22, 300))
	step(0, &first)
	step(3*time.Hour, nil)
	step(5*time.Hour, &second)
	step(8*time.Hour, nil)
	step(8*time.Hour+70*time.Hour, nil)
	step(8*time.Hour+75*time.Hour, nil)
	for _, states := range seen {
		if got := strings.Join(states, " "); got != "open quiet updated quiet resolved" {
			t.Error(got)
		}
	}
	if active, _ := g.Active(); active != 0 || len(seen) != 1 {
		t.Errorf("%d active, %d seen", active, len(seen))
	}
}

func TestThresholdAndWhatIsMissing(t *testing.T) {
	g := incident.New(incident.Options{})
	i := only(t, play(g, signal("a", 45, edge("a", "b", 22, 0))))
	if i.Notified || i.Missed != 15 || i.Threshold != 60 {
		t.Errorf("notified %t, missed by %g of %g", i.Notified, i.Missed, i.Threshold)
	}
	i = only(t, play(g, signal("a", 45, edge("a", "c", 22, 5)), signal("b", 10, edge("a", "d", 22, 6))))
	if !i.Notified || i.Missed != 0 || i.Score < 60 {
		t.Errorf("notified %t, score %g, reasons %v", i.Notified, i.Score, i.Reasons)
	}
}

func TestBudgetRaisesTheThreshold(t *testing.T) {
	g := incident.New(incident.Options{PerDay: 1})
	told := 0
	for d := range 10 {
		for n := range 10 {
			s := signal("a", 61+float64(n), edge(fmt.Sprintf("a-%d-%d", d, n), "b", 22, float64(d*24*60+n*120)))
			g.Raise(s)
			g.Advance(s.At)
			for _, i := range g.Revisions(s.At, know) {
				if i.Notified && i.NotifiedAt.Equal(s.At) && d >= 3 {
					told++
				}
			}
		}
	}
	if told < 3 || told > 14 {
		t.Errorf("%d told in seven days with a budget of one a day", told)
	}
	s := signal("sure", 125, edge("x", "y", 22, 10*24*60))
	id := g.Raise(s)
	for _, i := range g.Revisions(s.At, know) {
		if i.ID == id && !i.Notified {
			t.Error("what is sure is not told")
		}
	}
}

func TestRestoredStateContinuesExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		var steps []any
		at := 0.0
		for range 60 {
			at += r.ExpFloat64() * 20
			e := edge(fmt.Sprintf("h-%d", r.IntN(9)), fmt.Sprintf("h-%d", r.IntN(9)), 22, at)
			e.Attempt = r.IntN(4) == 0
			if r.IntN(3) == 0 {
				steps = append(steps, signal("r"+fmt.Sprint(r.IntN(3)), 30, e))
			} else {
				steps = append(steps, e)
			}
		}
		cut := r.IntN(len(steps))
		a, b := incident.New(incident.Options{PerDay: 5}), incident.New(incident.Options{PerDay: 5})
		play(a, steps[:cut]...)
		saved, err := wire.Marshal(a.Save())
		if err != nil {
			t.Fatal(err)
		}
		var state incident.State
		if err := wire.Unmarshal(saved, &state); err != nil {
			t.Fatal(err)
		}
		b.Restore(state)
		x, _ := json.Marshal(play(a, steps[cut:]...))
		y, _ := json.Marshal(play(b, steps[cut:]...))
		if string(x) != string(y) {
			t.Fatalf("never stopped:\n%s\nrestored:\n%s", x, y)
		}
	}
}

func TestIncidentHasAnEnd(t *testing.T) {
	g := incident.New(incident.Options{MaxActive: 3})
	var steps []any
	for n := range 3000 {
		steps = append(steps, signal("a", 60, edge("scanner", fmt.Sprint("h", n), 22, float64(n)/100)))
	}
	for n := range 10 {
		steps = append(steps, signal("a", 60, edge(fmt.Sprint("x", n), "y", 22, 31)))
	}
	n := play(g, steps...)
	if active, dropped := g.Active(); active != 3 || dropped != 8 {
		t.Errorf("%d active, %d dropped", active, dropped)
	}
	for _, i := range n {
		if len(i.Alerts) > event.MaxIncidentAlerts || len(i.Path) > event.MaxIncidentPath || len(i.Timeline) > event.MaxIncidentTimeline+2 || len(i.Hosts) > event.MaxIncidentHosts {
			t.Errorf("%d alerts, %d edges, %d lines, %d hosts", len(i.Alerts), len(i.Path), len(i.Timeline), len(i.Hosts))
		}
		if data, err := event.EncodeIncident(i); err != nil || len(data) > 1<<20 {
			t.Errorf("%d bytes, %v", len(data), err)
		}
	}
}

func TestAlertIsInAnIncidentOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		var steps []any
		at := 0.0
		for range 40 {
			at += r.ExpFloat64() * 5
			e := edge(fmt.Sprintf("h-%d", r.IntN(12)), fmt.Sprintf("h-%d", r.IntN(12)), 22, at-r.Float64()*10)
			if r.IntN(2) == 0 {
				steps = append(steps, signal("r"+fmt.Sprint(r.IntN(3)), 60, e))
			} else {
				steps = append(steps, e)
			}
		}
		for _, i := range play(incident.New(incident.Options{}), steps...) {
			ids := slices.Sorted(slices.Values(i.Alerts))
			want := map[string]int{}
			for _, s := range steps {
				if s, ok := s.(incident.Signal); ok {
					want[s.Alert]++
				}
			}
			for n := range ids {
				if want[ids[n]]--; want[ids[n]] < 0 {
					t.Fatalf("alert %s is there twice: %v", ids[n], i.Alerts)
				}
			}
		}
	}
}
