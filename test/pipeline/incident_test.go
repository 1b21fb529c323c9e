package pipeline_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/system"
)

// tickets is a ticket system: it keeps the notifications it received, by incident.
type tickets struct {
	URL string

	mu       sync.Mutex
	status   func(notification) int // the answer; a status other than 200 rejects
	taken    map[string][]notification
	requests []notification
}

type notification struct {
	Type, Action, ID string
	Revision         uint64
	Notification     string `json:"-"` // its webhook-id
}

func (t notification) String() string { return fmt.Sprintf("%s %d", t.Action, t.Revision) }

func newTickets(t *testing.T, status func(notification) int) *tickets {
	s := &tickets{taken: map[string][]notification{}, status: status}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func (s *tickets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	got := notification{Notification: r.Header.Get("webhook-id")}
	if err != nil || json.Unmarshal(body, &got) != nil {
		http.Error(w, "want JSON", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, got)
	status := http.StatusOK
	if s.status != nil {
		status = s.status(got)
	}
	if status == http.StatusOK {
		s.taken[got.ID] = append(s.taken[got.ID], got)
	}
	w.WriteHeader(status)
}

func (s *tickets) answers(status func(notification) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// of returns what was taken of an incident, in order.
func (s *tickets) of(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, t := range s.taken[id] {
		all = append(all, t.String())
	}
	return strings.Join(all, ", ")
}

func (s *tickets) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.requests {
		if t.String() == what {
			n++
		}
	}
	return n
}

// to is a configuration with one receiver of incidents.
func (s *tickets) to(more string) string {
	return "receivers:\n  - name: tickets\n" + more + "    webhook: {url: " + s.URL + "}\n"
}

// change is a revision of an incident that the test writes.
type change struct {
	state    event.IncidentState
	notified bool
	grown    string
	severity event.Severity
}

var (
	opened   = change{state: event.IncidentOpen, notified: true}
	updated  = change{state: event.IncidentUpdated, notified: true}
	grown    = change{state: event.IncidentUpdated, notified: true, grown: "one more host"}
	quiet    = change{state: event.IncidentQuiet, notified: true}
	resolved = change{state: event.IncidentResolved, notified: true}
	kept     = change{state: event.IncidentUpdated}
)

// revise publishes revisions of an incident, from a number on.
func revise(t *testing.T, b *bus.Bus, id string, first uint64, changes ...change) {
	t.Helper()
	for n, c := range changes {
		i := &event.Incident{
			ID: id, Revision: first + uint64(n), State: c.state, Notified: c.notified, Grown: c.grown, Title: "T",
			Severity: max(c.severity, event.High), At: time.Now(), Hosts: []string{"web-01"}, Parts: []event.HostPart{{Host: "web-01", Part: event.Pivot}},
		}
		if c.severity != 0 {
			i.Severity = c.severity
		}
		data, err := event.EncodeIncident(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(t.Context(), bus.Output{Subject: event.IncidentSubject(id), ID: i.MessageID(), Data: data}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIncidentIsNotifiedFromOpeningToEnd(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newTickets(t, nil)
	notifier := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	revise(t, b, "a", 1, kept, kept, opened, updated, grown, updated, quiet, grown, quiet, resolved)
	revise(t, b, "b", 1, kept, change{state: event.IncidentResolved})
	system.Await(t, "the end", func() bool { return notifier.Metric(outcome("tickets", "delivered")) == 6 })
	system.Await(t, "the rest", func() bool { return notifier.Metric(outcome("tickets", "unwanted")) == 6 })
	if got, want := soc.of("a"), "opened 3, grown 5, quiet 7, grown 8, quiet 9, resolved 10"; got != want {
		t.Errorf("notified: %s, want %s", got, want)
	}
	if got := soc.of("b"); got != "" {
		t.Errorf("notified of an incident below the threshold: %s", got)
	}
	for _, r := range soc.taken["a"] {
		if want := fmt.Sprintf("a-%d_tickets", r.Revision); r.Type != "incident" || r.ID != "a" || r.Notification != want {
			t.Errorf("%+v, want type incident, id a and webhook-id %s", r, want)
		}
	}
}

func TestSeverityDecidesWhetherAnIncidentIsOpened(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newTickets(t, nil)
	notifier := system.ConfiguredNotifier(t, server.URL, soc.to("    severity: critical\n"))
	worse := change{state: event.IncidentUpdated, notified: true, grown: "now critical", severity: event.Critical}
	revise(t, b, "a", 1, opened, grown, worse, grown, resolved)
	revise(t, b, "b", 1, opened, grown, resolved)
	system.Await(t, "all revisions", func() bool {
		return notifier.Metric(outcome("tickets", "delivered"))+notifier.Metric(outcome("tickets", "unwanted")) == 8
	})
	if a, b := soc.of("a"), soc.of("b"); a != "opened 3, grown 4, resolved 5" || b != "" {
		t.Errorf("notified: %s; of the other: %s", a, b)
	}
}

// The receiver fails the first attempt at everything.
func TestNothingOvertakesTheOpening(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	seen := map[string]bool{}
	soc := newTickets(t, func(r notification) int {
		if first := !seen[r.Notification]; first {
			seen[r.Notification] = true
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	notifier := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	revise(t, b, "a", 1, opened, grown, updated, quiet)
	system.Await(t, "the last state", func() bool { return strings.HasSuffix(soc.of("a"), "quiet 4") })
	if got := soc.of("a"); got != "opened 1, grown 2, quiet 4" && got != "opened 1, quiet 4" {
		t.Errorf("notified: %s", got)
	}
	if n := soc.count("opened 1"); n != 2 {
		t.Errorf("%d requests with the opening, want 2", n)
	}
	if before := slices.IndexFunc(soc.requests, func(r notification) bool { return r.Revision != 1 }); before != 2 {
		t.Errorf("requests: %v, want nothing before the opening was taken", soc.requests)
	}
	notifier.Stop()
	if dead := system.DeadLetters(t, server.URL); len(dead) != 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestLaterStateSupersedesOneThatFailed(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newTickets(t, func(r notification) int {
		if r.Revision == 2 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	notifier := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	revise(t, b, "a", 1, opened, grown)
	system.Await(t, "a failure", func() bool { return notifier.Metric(outcome("tickets", "retried")) > 0 })
	revise(t, b, "a", 3, grown)
	system.Await(t, "the later state", func() bool { return soc.of("a") == "opened 1, grown 3" })
	asked := soc.count("grown 2")
	soc.answers(nil)
	system.Await(t, "the earlier one to be dropped", func() bool { return notifier.Metric(outcome("tickets", "superseded")) == 1 })
	revise(t, b, "a", 4, resolved)
	system.Await(t, "the end", func() bool { return soc.of("a") == "opened 1, grown 3, resolved 4" })
	if n := soc.count("grown 2"); n != asked {
		t.Errorf("%d more requests with the earlier state", n-asked)
	}
}

func TestOrderOfAnIncidentHoldsOverARestart(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	down := func(notification) int { return http.StatusBadGateway }
	soc := newTickets(t, down)
	first := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	revise(t, b, "a", 1, opened, grown, quiet)
	revise(t, b, "b", 1, kept, opened, grown)
	system.Await(t, "attempts at both openings", func() bool { return soc.count("opened 1") >= 2 && soc.count("opened 2") >= 2 })
	first.Stop()
	revise(t, b, "a", 4, grown)
	second := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	system.Await(t, "attempts after the restart", func() bool { return second.Metric(outcome("tickets", "retried")) >= 2 })
	soc.answers(nil)
	revise(t, b, "a", 5, resolved)
	system.Await(t, "the end of one", func() bool { return strings.HasSuffix(soc.of("a"), "resolved 5") })
	system.Await(t, "the last state of the other", func() bool { return soc.of("b") == "opened 2, grown 3" })
	soc.mu.Lock()
	defer soc.mu.Unlock()
	if taken := soc.taken["a"]; taken[0].String() != "opened 1" || !slices.IsSortedFunc(taken, func(a, b notification) int { return int(a.Revision) - int(b.Revision) }) {
		t.Errorf("notified: %v", taken)
	}
}

// A receiver that fails at random, and at random doesn't say that it has taken
// a notification, and a notifier that is restarted in between.
func TestOrderOfManyIncidentsUnderAnyTrouble(t *testing.T) {
	t.Parallel()
	const incidents = 15
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	random := rand.New(rand.NewPCG(1, 2))
	var order []notification // all that reached the receiver
	soc := newTickets(t, func(r notification) int {
		switch random.IntN(12) {
		case 0:
			return http.StatusServiceUnavailable
		case 1:
			order = append(order, r)
			return http.StatusGatewayTimeout
		}
		order = append(order, r)
		return http.StatusOK
	})
	first := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	for n := range incidents {
		revise(t, b, fmt.Sprint(n), 1, kept, opened, grown, updated, quiet, grown)
		if n == incidents/2 {
			first.Stop()
		}
	}
	second := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	for n := range incidents {
		revise(t, b, fmt.Sprint(n), 7, quiet, resolved)
	}
	system.Await(t, "the end of every incident", func() bool {
		soc.mu.Lock()
		defer soc.mu.Unlock()
		ended := 0
		for _, taken := range soc.taken {
			if taken[len(taken)-1].Action == "resolved" {
				ended++
			}
		}
		return ended == incidents
	})
	second.Stop()
	opening, last := map[string]uint64{}, map[string]uint64{}
	for _, r := range order {
		if last[r.ID] == 0 {
			opening[r.ID] = r.Revision
		}
		if opens := r.Revision == opening[r.ID]; opens != (r.Action == "opened") || r.Revision < last[r.ID] {
			t.Errorf("incident %s: %v after revision %d, opened with %d", r.ID, r, last[r.ID], opening[r.ID])
		}
		last[r.ID] = r.Revision
	}
}

func TestTwoNotifiersTellAnIncidentOnce(t *testing.T) {
	t.Parallel()
	const incidents = 20
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newTickets(t, nil)
	for range 2 {
		system.ConfiguredNotifier(t, server.URL, soc.to(""))
	}
	for n := range incidents {
		revise(t, b, fmt.Sprint(n), 1, opened, grown, quiet, resolved)
	}
	system.Await(t, "the end of every incident", func() bool {
		for n := range incidents {
			if !strings.Contains(soc.of(fmt.Sprint(n)), "resolved 4") {
				return false
			}
		}
		return true
	})
	for n := range incidents {
		if got := soc.of(fmt.Sprint(n)); !strings.HasPrefix(got, "opened ") || strings.Count(got, "opened") != 1 || strings.Count(got, "resolved") != 1 {
			t.Errorf("notified of %d: %s", n, got)
		}
	}
}

func TestIncidentContinuesWhenItsOpeningIsADeadLetter(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newTickets(t, func(r notification) int {
		if r.Action == "opened" {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	})
	notifier := system.ConfiguredNotifier(t, server.URL, soc.to(""))
	revise(t, b, "a", 1, opened, grown, resolved)
	for subject, data := range map[string]string{"incident.x": "garbage", "incident.y": `{"id":"z","revision":1,"state":"open","severity":"high"}`} {
		if err := b.Publish(t.Context(), bus.Output{Subject: subject, ID: subject, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	system.Await(t, "what follows", func() bool { return soc.of("a") == "grown 2, resolved 3" })
	system.Await(t, "dead letters", func() bool { return system.Stored(t, server.URL, event.StreamDeadLetters) == 3 })
	notifier.Stop()
	var got []string
	for _, d := range system.DeadLetters(t, server.URL) {
		reason, _, _ := strings.Cut(d.Reason, ":")
		got = append(got, fmt.Sprintf("%s %s %s: %s", d.Receiver, d.Stream, d.Subject, reason))
	}
	slices.Sort(got)
	want := []string{
		"tickets INCIDENTS incident.a: 422 Unprocessable Entity",
		"tickets INCIDENTS incident.x: decode incident",
		"tickets INCIDENTS incident.y: decode incident",
	}
	if !slices.Equal(got, want) {
		t.Errorf("dead letters:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReceiverGetsTheConfiguredKinds(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	inboxes := map[string]*inbox{}
	var text strings.Builder
	text.WriteString("receivers:\n")
	for _, what := range []string{"incidents", "alerts", "both"} {
		inboxes[what] = newInbox(t, status(http.StatusOK))
		fmt.Fprintf(&text, "  - {name: %s, deliver: %s, webhook: {url: %s}}\n", what, what, inboxes[what].URL)
	}
	notifier := system.ConfiguredNotifier(t, server.URL, text.String())
	raise(t, b, event.High, 1, 1)
	revise(t, b, "a", 1, opened)
	system.Await(t, "all notifications", func() bool {
		return notifier.Metric(outcome("incidents", "delivered")) == 1 && notifier.Metric(outcome("alerts", "delivered")) == 1 && notifier.Metric(outcome("both", "delivered")) == 2
	})
	for what, want := range map[string][]string{
		"incidents": {"a-1_incidents"}, "alerts": {"000000000000000000000001_alerts"}, "both": {"000000000000000000000001_both", "a-1_both"},
	} {
		var got []string
		for _, r := range inboxes[what].all() {
			got = append(got, r.id)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("with Accept: %s: %v, want %v", what, got, want)
		}
	}
}
