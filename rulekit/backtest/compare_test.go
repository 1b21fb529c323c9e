package backtest_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/replay"
	"headstart/rulekit/backtest"
	"headstart/term"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

var span = backtest.Span{HistoryFrom: noon.Add(-48 * time.Hour), From: noon, Until: noon.Add(48 * time.Hour), Interval: 30 * time.Second}

// outcome reads what one side raised: lines of
//
//	alert ID RULE HOST MINUTE [PORT]
//	incident ID MINUTE notified|kept HOSTS ALERTS [EDGES]
//
// with minutes since noon, hosts and alerts by commas, and edges by the last
// byte of their two addresses: 1>2.
func outcome(t *testing.T, text string) *backtest.Outcome {
	t.Helper()
	r := backtest.NewRecorder(span.From)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var err error
		switch f[0] {
		case "alert":
			a := &event.Alert{ID: f[1], Rule: f[2], Host: f[3], At: minute(t, f[4]), Severity: event.Medium, Title: "A sign"}
			if len(f) > 5 {
				fmt.Sscan(f[5], &a.Connection.Port)
			}
			err = r.Alert(a)
		case "incident":
			at := minute(t, f[2])
			i := &event.Incident{ID: f[1], Revision: 1, State: event.IncidentOpen, Severity: event.High, Title: "An incident", Score: 60,
				OpenedAt: at, LastActivityAt: at, At: at, Hosts: strings.Split(f[4], ","), Alerts: strings.Split(f[5], ",")}
			if f[3] == "notified" {
				i.Notified, i.NotifiedAt = true, at
			}
			for _, e := range f[6:] {
				var from, to byte
				fmt.Sscanf(e, "%d>%d", &from, &to)
				i.Path = append(i.Path, event.PathEdge{At: at, Source: event.AddressFrom4(uint32(from)), Destination: event.AddressFrom4(uint32(to)), Port: 22})
			}
			err = r.Incident(i)
		default:
			t.Fatalf("%q", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r.Outcome(replay.Totals{})
}

func minute(t *testing.T, text string) time.Time {
	t.Helper()
	d, err := time.ParseDuration(text + "m")
	if err != nil {
		t.Fatal(err)
	}
	return noon.Add(d)
}

func ids[T any](all []T, id func(T) string) string {
	var texts []string
	for _, one := range all {
		texts = append(texts, id(one))
	}
	return strings.Join(texts, " ")
}

func alertIDs(all []*backtest.Alert) string {
	return ids(all, func(a *backtest.Alert) string { return a.ID })
}

func incidentIDs(all []*backtest.Incident) string {
	return ids(all, func(i *backtest.Incident) string { return i.ID })
}

func TestAlerts(t *testing.T) {
	const long = "alert a one web-01 1\n alert b one web-02 2\n alert c two web-03 3\n"
	for _, tt := range []struct {
		name, old, new              string
		gained, lost                string
		same, earlier, later        int
		newlyAlerting, fallenSilent string
	}{
		{name: "the same", old: long, new: long, same: 3},
		{name: "gained and lost", old: long, new: "alert b one web-02 2\n alert d two web-04 9", gained: "d", lost: "a c", same: 1, newlyAlerting: "web-04", fallenSilent: "web-01 web-03"},
		{name: "another on the same host", old: "alert a one web-01 1", new: "alert b two web-01 1", gained: "b", lost: "a"},
		{name: "earlier and later", old: "alert a one web-01 10\n alert b one web-01 20", new: "alert a one web-01 9\n alert b one web-01 21", same: 2, earlier: 1, later: 1},
		{name: "before the span", old: "alert a one web-01 -10", new: "alert b one web-01 -20"},
		{name: "over the edge of what is reported on", old: "alert a one web-01 -1", new: "alert a one web-01 1", same: 1, later: 1, newlyAlerting: "web-01"},
		{name: "nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := backtest.Compare(outcome(t, tt.old), outcome(t, tt.new), span)
			got := []any{alertIDs(r.Alerts.Gained), alertIDs(r.Alerts.Lost), r.Alerts.Same, r.Alerts.Earlier, r.Alerts.Later, strings.Join(r.Hosts.Newly, " "), strings.Join(r.Hosts.Silent, " ")}
			want := []any{tt.gained, tt.lost, tt.same, tt.earlier, tt.later, tt.newlyAlerting, tt.fallenSilent}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestIncidents(t *testing.T) {
	for _, tt := range []struct {
		name, old, new                         string
		gained, lost, changed, noLonger, newly string
		same                                   int
	}{
		{name: "the same", old: "incident a 1 notified web-01 x,y", new: "incident a 1 notified web-01 x,y", same: 1},
		{name: "the same by another name", old: "incident a 1 notified web-01 x,y", new: "incident b 1 notified web-01 y,x", same: 1},
		{name: "lost", old: "incident a 1 notified web-01 x", lost: "a", noLonger: "a"},
		{name: "lost, and not notified", old: "incident a 1 kept web-01 x", lost: "a"},
		{name: "gained", new: "incident a 1 notified web-01 x", gained: "a", newly: "a"},
		{name: "no longer notified", old: "incident a 1 notified web-01 x", new: "incident a 1 kept web-01 x", changed: "a", noLonger: "a"},
		{name: "now notified", old: "incident a 1 kept web-01 x", new: "incident a 1 notified web-01 x", changed: "a", newly: "a"},
		{name: "joined: people are notified of the whole", old: "incident a 1 notified web-01 x\n incident b 2 notified web-02 y", new: "incident c 1 notified web-01,web-02 x,y", changed: "c"},
		{name: "split: people are notified of a part", old: "incident c 1 notified web-01,web-02 x,y", new: "incident a 1 notified web-01 x\n incident b 2 kept web-02 y", changed: "a"},
		{name: "other alerts on the same edge", old: "incident a 1 notified web-01,db-01 x 1>2", new: "incident b 20 notified web-01,db-01,db-02 y 1>2 2>3", changed: "b"},
		{name: "the same edge another day", old: "incident a 1 notified web-01,db-01 x 1>2", new: "incident b 1441 notified web-01,db-01 y 1>2", lost: "a", noLonger: "a", gained: "b", newly: "b"},
		{name: "most hosts at the same time", old: "incident a 1 notified web-01,web-02,web-03 x", new: "incident b 5 notified web-01,web-02,web-09 y", changed: "b"},
		{name: "one host of many at the same time", old: "incident a 1 notified web-01,web-02,web-03 x", new: "incident b 5 notified web-01,web-08,web-09 y", lost: "a", noLonger: "a", gained: "b", newly: "b"},
		{name: "before the span", old: "incident a -10 notified web-01 x", new: "incident b -10 notified web-09 y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := backtest.Compare(outcome(t, tt.old), outcome(t, tt.new), span).Incidents
			got := []any{incidentIDs(r.Gained), incidentIDs(r.Lost), ids(r.Changed, func(c *backtest.Change) string { return c.New.ID }), incidentIDs(r.LostNotified), incidentIDs(r.GainedNotified), r.Same}
			want := []any{tt.gained, tt.lost, tt.changed, tt.noLonger, tt.newly, tt.same}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestAnIncidentThatAnotherTookOverIsNone(t *testing.T) {
	r := backtest.NewRecorder(span.From)
	for _, i := range []*event.Incident{
		{ID: "a", State: event.IncidentOpen, LastActivityAt: noon}, {ID: "b", State: event.IncidentOpen, LastActivityAt: noon},
		{ID: "b", State: event.IncidentUpdated, LastActivityAt: noon, MergedInto: "a"}, {ID: "a", State: event.IncidentResolved, LastActivityAt: noon},
	} {
		if err := r.Incident(i); err != nil {
			t.Fatal(err)
		}
	}
	if got := incidentIDs(r.Outcome(replay.Totals{}).Incidents); got != "a" {
		t.Errorf("got %q", got)
	}
}

func TestTimeToDetect(t *testing.T) {
	old := outcome(t, "incident a 10 notified web-01 x\n incident b 20 notified web-02 y\n incident c 30 notified web-03 z\n incident d 40 kept web-04 u")
	new := outcome(t, "incident a 8 notified web-01 x\n incident b 20 notified web-02 y\n incident c 25 notified web-03 z\n incident d 30 notified web-04 u")
	r := backtest.Compare(old, new, span)
	if want := (backtest.Detection{Both: 3, Earlier: 2, Median: event.Seconds(-2 * time.Minute)}); r.Detection != want {
		t.Errorf("got %+v, want %+v", r.Detection, want)
	}
	if got := r.Incidents.Changed[0].Texts[0]; got != "notified 2m earlier" {
		t.Errorf("says %q", got)
	}
	if r.Old.Notified != 3 || r.New.Notified != 4 || r.New.NotifiedPerDay != 2 {
		t.Errorf("old %+v, new %+v", r.Old, r.New)
	}
}

func TestPaces(t *testing.T) {
	usual := outcome(t, "alert a one web-01 10 22\n alert b one web-01 20 22\n alert c two web-02 30 445\n alert p sweep web-03 40")
	other := outcome(t, "alert x one web-01 9 22\n alert y one web-01 19 22\n alert z two web-02 300 445\n alert p sweep web-03 33")
	p := backtest.ComparePaces(usual, other, span, 10*time.Second)
	if alertIDs(p.Only) != "z" || alertIDs(p.Missing) != "c" || p.Both != 3 || p.Earlier != 3 || time.Duration(p.Median) != -time.Minute {
		t.Errorf("got %+v", p)
	}
}

func TestTextAndJSON(t *testing.T) {
	var old, new strings.Builder
	for n := range 30 {
		fmt.Fprintf(&old, "alert a%02d one web-01 %d\n", n, n)
		fmt.Fprintf(&new, "alert b%02d two web-01 %d\n", n, n)
	}
	fmt.Fprintf(&old, "incident i 1 notified web-\x1b[2J x")
	r := &backtest.Report{
		OldRules: backtest.RuleSet{Name: "the default ruleset"}, NewRules: backtest.RuleSet{Name: "new"},
		Result: backtest.Compare(outcome(t, old.String()), outcome(t, new.String()), span), Notes: []string{"The history is short."},
	}
	short, all := r.Text(term.Page{}, false), r.Text(term.Page{}, true)
	for _, want := range []string{
		"new against the default ruleset, from 2025-06-05 12:00 to 2025-06-07 12:00 (2 days).", "The history is short.",
		"Alerts: 30 gained, 30 lost, 0 in both", "Notified incidents: 0 gained, 1 lost", "Notified incidents lost (1)", "and 20 more (--all lists them)",
	} {
		if !strings.Contains(short, want) {
			t.Errorf("no %q in\n%s", want, short)
		}
	}
	if strings.Contains(all, "more (--all") || strings.Count(all, "A sign") != 60 || strings.Count(short, "A sign") != 20 {
		t.Errorf("all is\n%s", all)
	}
	if strings.ContainsRune(short+all, '\x1b') {
		t.Error("a host's name reaches the terminal as it is")
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Span      struct{ From time.Time }
		Alerts    struct{ Gained, Lost []struct{ ID string } }
		Incidents struct {
			LostNotified []struct{ ID string } `json:"no_longer_told"`
		}
	}
	if err := json.Unmarshal(data, &back); err != nil || !back.Span.From.Equal(noon) || len(back.Alerts.Gained) != 30 || len(back.Incidents.LostNotified) != 1 {
		t.Errorf("%v: %s", err, data)
	}
}
