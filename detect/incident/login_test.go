package incident_test

import (
	"testing"
	"time"

	"headstart/detect/incident"
)

// login is a connection by which somebody can have come in, that an edge uses
// all day, seldom, or never did before.
func login(from, to string, minutes float64, first bool) incident.Edge {
	e := edge(from, to, 22, minutes)
	e.Reasons, e.First, e.Rare = nil, first, first
	return e
}

func TestHowAHostWasReached(t *testing.T) {
	const hour = 60.0
	for _, test := range []struct {
		name   string
		logins []incident.Edge
		want   string
	}{
		{"nobody came", nil, "app-01>db-01:22"},
		{"a login of the last two hours", []incident.Edge{login("jump", "app-01", -hour, false)}, "jump>app-01:22 app-01>db-01:22"},
		{"an everyday one hours ago says nothing", []incident.Edge{login("jump", "app-01", -3*hour, false)}, "app-01>db-01:22"},
		{"one that never was before, hours ago", []incident.Edge{login("desk", "app-01", -7*hour, true)}, "desk>app-01:22 app-01>db-01:22"},
		{"it is likelier than everyday ones since", []incident.Edge{login("desk", "app-01", -7*hour, true), login("jump", "app-01", -hour, false)}, "desk>app-01:22 app-01>db-01:22"},
		{"the last of several", []incident.Edge{login("desk", "app-01", -7*hour, true), login("lap", "app-01", -5*hour, true)}, "lap>app-01:22 app-01>db-01:22"},
		{"too long ago", []incident.Edge{login("desk", "app-01", -25*hour, true)}, "app-01>db-01:22"},
		{"after it acted", []incident.Edge{login("desk", "app-01", 5, true)}, "app-01>db-01:22"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := incident.New(incident.Options{})
			for _, l := range test.logins {
				g.Login(l)
			}
			if got := path(only(t, play(g, signal("a", 70, edge("app-01", "db-01", 22, 0))))); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestOneOfASweepIsNotHowAHostWasReached(t *testing.T) {
	g := incident.New(incident.Options{})
	for n := range 30 {
		e := login("scanner", "app-"+string(rune('a'+n)), -7*60+float64(n)/10, true)
		g.Note(edge("scanner", e.DestinationHost, 22, -7*60+float64(n)/10))
		g.Login(e)
	}
	if got := path(only(t, play(g, signal("a", 70, edge("app-b", "db-01", 22, 0))))); got != "app-b>db-01:22" {
		t.Error(got)
	}
}

func TestLoginsAreForgotten(t *testing.T) {
	g := incident.New(incident.Options{})
	g.Login(login("desk", "app-01", 0, true))
	g.Login(login("jump", "app-01", 0, false))
	before := len(g.Save().Logins)
	g.Advance(start.Add(3 * time.Hour))
	hours := len(g.Save().Logins)
	g.Advance(start.Add(48 * time.Hour))
	if days := len(g.Save().Logins); before != 2 || hours != 1 || days != 0 {
		t.Errorf("%d at first, %d after hours, %d after days", before, hours, days)
	}
}
