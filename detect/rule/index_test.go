package rule_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/event"
)

const indexLists = `ports:
  few: [22, 445]
  many: ["1-200", "1000-65535"]
networks:
  near: [10.0.0.0/30]
roles:
  web: [web]
  server: [web, database]
  none: []
`

// TestIndexChangesNothing evaluates random rules on random changes: by the
// index, and one after the other.
func TestIndexChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	leaves := leafConditions()
	held, parts := 0, 0
	for range 40 {
		files := fstest.MapFS{"lists.yaml": {Data: []byte(indexLists)}}
		for i := range 30 {
			files[fmt.Sprintf("r%d.yaml", i)] = &fstest.MapFile{Data: []byte(randomRule(r, i, leaves))}
		}
		set, err := rule.Load(files, "rules")
		if err != nil {
			t.Fatal(err)
		}
		indexed, plain := rule.NewEvaluator(set), rule.NewEvaluator(set)
		for range 100 {
			o := randomObservation(r)
			got := said(indexed.Evaluate(o))
			every := everyRule(plain, set, o)
			want := said(every)
			if got != want {
				t.Fatalf("%+v\nhost %+v, peer %+v at %v\nby the index: %s\none by one:   %s", *o.Connection, o.Host, o.Peer, o.At, got, want)
			}
			for _, result := range every {
				held++
				parts += result.Part
			}
		}
	}
	if held == 0 || parts == 0 {
		t.Errorf("%d conditions held, and of those of later steps few", held)
	}
}

// randomRule is a rule of one part, or a sequence.
func randomRule(r *rand.Rand, number int, leaves []string) string {
	text := fmt.Sprintf("rule: r%d\ntitle: T\nseverity: low\n", number)
	part := func(indent string) {
		text += fmt.Sprintf("when: |\n%s  %s\n", indent, randomCondition(r, leaves, 3))
		if r.IntN(4) == 0 {
			text += indent + "for: 10s\n"
		}
	}
	switch r.IntN(5) {
	case 0:
		text += "sequence:\n  within: 5m\n  steps:\n"
		for range 2 + r.IntN(3) {
			text += "    - by: conn.port\n      "
			part("      ")
		}
	case 1:
		part("")
		text += "count: {by: [host.name, baseline.days], of: conn.peer, within: 5m, at_least: 2, above_usual: 2}\n"
	default:
		part("")
	}
	return text
}

func everyRule(e *rule.Evaluator, set *rule.Set, o rule.Observation) []rule.Result {
	var all []rule.Result
	for _, r := range set.Rules {
		for part := range r.Parts() {
			if result, ok := e.EvaluateRule(r, part, o); ok {
				all = append(all, result)
			}
		}
	}
	return all
}

func randomCondition(r *rand.Rand, leaves []string, depth int) string {
	if depth > 0 {
		part := func() string { return randomCondition(r, leaves, depth-1) }
		switch r.IntN(7) {
		case 0, 1:
			return "(" + part() + " and " + part() + ")"
		case 2:
			return "(" + part() + " && " + part() + " && " + part() + ")"
		case 3:
			return "(" + part() + " or " + part() + ")"
		case 4:
			return "not (" + part() + ")"
		case 5:
			return "(" + part() + " ? " + part() + " : " + part() + ")"
		}
	}
	if r.IntN(5) == 0 {
		operators := []string{"==", "!=", "<", "<=", ">", ">="}
		sides := []string{"conn.port", fmt.Sprint([]int{0, 22, 80, 445, 1000, 65535}[r.IntN(6)])}
		first := r.IntN(2)
		return sides[first] + " " + operators[r.IntN(6)] + " " + sides[1-first]
	}
	return leaves[r.IntN(len(leaves))]
}

func leafConditions() []string {
	return append([]string{
		`conn.port in ports.few`, `conn.port in ports.many`, `conn.port not in ports.few`, `conn.port in [22, 80, 65535]`,
		`conn.port in 20..30`, `conn.port in 30..20`, `20 < conn.port < 500`, `conn.local_port in ports.few`, `conn.peer_port == 22`,
		`conn.peer in networks.near`, `conn.age.min > duration("5s")`, `conn.uid == 0`,
		`host in roles.web`, `peer in roles.web`, `host in roles.server`, `peer not in roles.server`, `host in roles.none`,
		`"web" in host.roles`, `"roles.web" in host.roles`, `"database" in peer.roles`, `any(host.roles, # in roles.server)`,
		`conn.event in ["opened", "closed"]`, `conn.state in ["SYN_SENT", "LISTEN"]`, `conn.reason not in ["time-wait"]`,
		`true`, `false`, `conn.open == conn.attempted`, `baseline.days > 1`, `conn.hour < 12`, `conn.age.min > 2 * baseline.length.p99`,
	}, enumerated()...)
}

// enumerated has a comparison with each value of each field that has few.
func enumerated() []string {
	var leaves []string
	for _, f := range condition.Reference() {
		for _, value := range f.Values {
			leaves = append(leaves, fmt.Sprintf("%s == %q", f.Name, value), fmt.Sprintf("%q != %s", value, f.Name))
		}
		if f.Type == condition.TypeBool {
			leaves = append(leaves, f.Name, "not "+f.Name, f.Name+" == false", "true != "+f.Name)
		}
	}
	return leaves
}

func randomObservation(r *rand.Rand) rule.Observation {
	ports := []uint16{0, 1, 22, 25, 80, 199, 445, 1000, 40000, 65535}
	addresses := []event.Address{address("10.0.0.1"), address("10.0.0.2"), address("203.0.113.1"), address("127.0.0.1"), address("::1"), {}}
	hosts := []*rule.Host{nil, {}, {Roles: []string{"web"}}, {Roles: []string{"x", "database"}}, {Name: "a", Roles: []string{"database", "web"}}}
	moments := []time.Time{{}, noon.Add(-time.Minute), noon.Add(-7 * time.Second), noon}
	baselines := []func(*event.Connection) rule.Baseline{nil, func(c *event.Connection) rule.Baseline {
		odd := c.RemotePort%2 == 1
		return rule.Baseline{Known: odd, RoleKnown: !odd, Unusual: odd, HourUsual: !odd, Days: int(c.LocalPort) % 3,
			Length: rule.UsualLength{P99: 4 * time.Second}, Host: rule.LearningHost{Learning: odd}}
	}}
	return rule.Observation{
		Baseline: baselines[r.IntN(len(baselines))],
		At:       noon.Add(time.Duration(r.IntN(3)) * 8 * time.Second),
		Host:     hosts[r.IntN(len(hosts))],
		Peer:     hosts[r.IntN(len(hosts))],
		Connection: &event.Connection{
			Kind:          event.Kind(r.IntN(7)),
			State:         event.State(r.IntN(14)),
			Direction:     event.Direction(r.IntN(4)),
			DirectionFrom: event.DirectionSource(r.IntN(5)),
			Reason:        event.Reason(r.IntN(7)),
			Local:         addresses[r.IntN(len(addresses))],
			Remote:        addresses[r.IntN(len(addresses))],
			LocalPort:     ports[r.IntN(len(ports))],
			RemotePort:    ports[r.IntN(len(ports))],
			UID:           uint32(r.IntN(2)),
			OpenedAfter:   moments[r.IntN(len(moments))],
			OpenedBefore:  moments[1+r.IntN(3)],
			SeenUntil:     moments[1+r.IntN(3)],
			ClosedAfter:   moments[r.IntN(len(moments))],
			ClosedBefore:  moments[r.IntN(len(moments))],
		},
	}
}
