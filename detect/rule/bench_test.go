package rule_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// BenchmarkEvaluateDefaultPack is one event against the shipped rules.
func BenchmarkEvaluateDefaultPack(b *testing.B) {
	set := shippedPack(b)
	web := &rule.Host{Name: "web-01", Roles: []string{"web"}}
	events := map[string]rule.Observation{
		"no rule is near":         {Connection: inbound(443), At: noon, Host: web},
		"a rule waits":            {Connection: outbound(5432, "10.1.5.10"), At: noon.Add(time.Second), Host: web},
		"a rule fires":            {Connection: outbound(445, "10.1.5.10"), At: noon, Host: web},
		"of a host without roles": {Connection: outbound(5432, "10.1.5.10"), At: noon, Host: &rule.Host{Name: "x"}},
	}
	for name, o := range events {
		b.Run(name, func(b *testing.B) {
			evaluator := rule.NewEvaluator(set)
			b.ReportAllocs()
			for b.Loop() {
				evaluator.Evaluate(o)
			}
		})
	}
	b.Run("a web server's mixture", func(b *testing.B) {
		mixture := webServerEvents(1000)
		evaluator := rule.NewEvaluator(set)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			evaluator.Evaluate(mixture[i%len(mixture)])
			i++
		}
	})
}

// BenchmarkEvaluatePatterns is one event against a sequence and a count that
// ask for the baseline.
func BenchmarkEvaluatePatterns(b *testing.B) {
	set, err := rule.Load(fstest.MapFS{
		"sequence.yaml": {Data: []byte("rule: sequence\ntitle: T\nseverity: low\nsequence:\n  within: 1m\n  steps:\n" +
			"    - {when: 'conn.direction == \"inbound\" and conn.port == 22 and not baseline.known', by: host.name}\n" +
			"    - {when: 'conn.direction == \"outbound\" and conn.port == 5432 and baseline.unusual', by: host.name}\n")},
		"count.yaml": {Data: []byte("rule: count\ntitle: T\nseverity: low\nwhen: conn.direction == \"outbound\" and conn.port == 445\n" +
			"count: {by: host.name, of: conn.peer, within: 10m, at_least: 5, above_usual: 2}\n")},
	}, "rules")
	if err != nil {
		b.Fatal(err)
	}
	web := &rule.Host{Name: "web-01", Roles: []string{"web"}}
	baseline := func(*event.Connection) rule.Baseline { return rule.Baseline{Known: true} }
	for name, c := range map[string]*event.Connection{
		"no rule is near":    inbound(443),
		"a step isn't taken": outbound(5432, "10.1.5.10"),
		"a count matches":    outbound(445, "10.1.5.10"),
	} {
		b.Run(name, func(b *testing.B) {
			evaluator := rule.NewEvaluator(set)
			o := rule.Observation{Connection: c, At: noon, Host: web, Baseline: baseline}
			b.ReportAllocs()
			for b.Loop() {
				evaluator.Evaluate(o)
			}
		})
	}
}

// BenchmarkEvaluateThousandRules spreads the rules over ports, directions,
// kinds and roles as a large company's would be; one in twenty needs no port.
func BenchmarkEvaluateThousandRules(b *testing.B) {
	set := thousandRules(b)
	mixture := webServerEvents(1000)
	evaluator := rule.NewEvaluator(set)
	results := 0
	for _, o := range mixture {
		results += len(evaluator.Evaluate(o))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		evaluator.Evaluate(mixture[i%len(mixture)])
		i++
	}
	b.ReportMetric(float64(results)/float64(len(mixture)), "results/event")
}

// BenchmarkMeasuredEvaluation is that of the rules before, measured as the live
// correlator does.
func BenchmarkMeasuredEvaluation(b *testing.B) {
	began := time.Now()
	mixture := webServerEvents(1000)
	for name, clock := range map[string]func() time.Duration{"not measured": nil, "measured": func() time.Duration { return time.Since(began) }} {
		b.Run(name, func(b *testing.B) {
			evaluator := rule.NewEvaluator(thousandRules(b))
			if clock != nil {
				evaluator.Measure(clock)
			}
			i := 0
			for b.Loop() {
				evaluator.Evaluate(mixture[i%len(mixture)])
				i++
			}
		})
	}
}

func BenchmarkLoadThousandRules(b *testing.B) {
	files := thousandRuleFiles()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rule.Load(files, "rules"); err != nil {
			b.Fatal(err)
		}
	}
}

func thousandRules(b *testing.B) *rule.Set {
	b.Helper()
	set, err := rule.Load(thousandRuleFiles(), "rules")
	if err != nil {
		b.Fatal(err)
	}
	return set
}

func thousandRuleFiles() fstest.MapFS {
	files := fstest.MapFS{"lists.yaml": {Data: []byte(`
ports:
  database: [1433, 1521, 3306, 5432]
  remote: [22, 445, 3389, 5985, 5986]
networks:
  admin: [10.9.0.0/16]
roles:
  role0: [web]
  role1: [database]
  role2: [file-server]
  role3: [domain-controller]
  role4: [mail]
  role5: [build]
  role6: [monitoring]
  role7: [backup]
  role8: [proxy]
  role9: [workstation]
`)}}
	r := rand.New(rand.NewPCG(1, 2))
	ports := []int{22, 25, 53, 80, 88, 111, 135, 139, 389, 443, 445, 465, 587, 636, 873, 993, 1433, 1521, 2049, 2181,
		2379, 3128, 3306, 3389, 4222, 5000, 5044, 5432, 5601, 5672, 5900, 5985, 6379, 6443, 8080, 8086, 8200, 8443, 8500,
		9000, 9042, 9090, 9092, 9100, 9200, 9300, 10250, 11211, 15672, 27017}
	directions := []string{"inbound", "outbound"}
	for i := range 1000 {
		port := fmt.Sprintf("conn.port == %d", ports[i%len(ports)])
		switch i % 20 {
		case 0:
			port = "not conn.loopback"
		case 1:
			port = "conn.port in ports.database"
		case 2:
			port = "conn.port in ports.remote"
		}
		when := fmt.Sprintf("conn.direction == %q and %s and host in roles.role%d and not (conn.peer in networks.admin)",
			directions[r.IntN(2)], port, r.IntN(10))
		switch i % 7 {
		case 0:
			when += " and conn.attempted"
		case 1:
			when += ` and conn.age.min > duration("30s")`
		case 2:
			when += " and peer.external"
		}
		files[fmt.Sprintf("r%04d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"rule: r%04d\ntitle: T\nseverity: low\nwhen: '%s'\n", i, when)}
	}
	return files
}

// webServerEvents are what a web server's table gives: mostly inbound on 80 and
// 443, short database connections, some HTTPS outward, monitoring.
func webServerEvents(n int) []rule.Observation {
	r := rand.New(rand.NewPCG(3, 4))
	web := &rule.Host{Name: "web-01", Roles: []string{"web"}}
	database := &rule.Host{Name: "db-01", Roles: []string{"database"}}
	events := make([]rule.Observation, n)
	for i := range events {
		o := rule.Observation{At: noon, Host: web}
		switch p := r.IntN(100); {
		case p < 60:
			o.Connection = inbound(443)
		case p < 70:
			o.Connection = inbound(80)
		case p < 85:
			o.Connection, o.Peer = outbound(5432, "10.1.5.10"), database
		case p < 98:
			o.Connection = outbound(443, "203.0.113.9")
		default:
			o.Connection = inbound(9100)
		}
		if r.IntN(2) == 0 {
			o.Connection.Kind, o.Connection.State, o.Connection.Reason = event.Closed, event.TimeWait, event.TimedWait
			o.Connection.ClosedAfter, o.Connection.ClosedBefore = noon, noon
		}
		events[i] = o
	}
	return events
}

var noon = time.Date(2026, 6, 5, 12, 0, 0, 0, time.UTC)

func address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }

func inbound(port uint16) *event.Connection {
	return &event.Connection{
		Kind: event.Opened, State: event.Established,
		Direction: event.Inbound, DirectionFrom: event.FromListener,
		Local: address("10.1.1.10"), LocalPort: port,
		Remote: address("10.1.2.20"), RemotePort: 51000,
		UID: 1000, Inode: 4711,
		OpenedAfter: noon.Add(-30 * time.Second), OpenedBefore: noon, SeenUntil: noon,
	}
}

func outbound(port uint16, to string) *event.Connection {
	c := inbound(51000)
	c.Direction, c.DirectionFrom = event.Outbound, event.FromPorts
	c.Remote, c.RemotePort = address(to), port
	return c
}
