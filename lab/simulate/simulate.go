package simulate

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Simulation is a company and everything that happened in it.
type Simulation struct {
	company *company
	truth   *Truth
}

// Simulate generates a company and its traffic. The same options give the same
// result.
func Simulate(o Options) (*Simulation, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &company{options: o, calendar: newCalendar(o), style: newStyle(o), ways: newWays(o)}
	c.rows = make([]connection, 0, o.Days*o.Hosts*900)
	c.build()
	c.roam()
	c.planChanges()
	for _, h := range c.hosts {
		slices.SortStableFunc(h.spells[1:], func(a, b spell) int { return cmp.Compare(a.from, b.from) })
	}
	for _, a := range operations {
		a.run(c.traffic(a.name))
	}
	c.runDesks()
	c.runLogins()
	c.runRoutines()
	for _, traffic := range c.later {
		traffic()
	}
	c.runFlows()
	intrusions := c.intrude()
	c.settle()
	return &Simulation{c, c.truth(intrusions)}, nil
}

// settle orders the rows and makes sure that no two connections have the same
// addresses and ports at one time.
func (c *company) settle() {
	for k := range c.rows {
		row := &c.rows[k]
		row.at, row.lasts = row.at.Truncate(time.Microsecond), row.lasts.Truncate(time.Microsecond)
	}
	sortRows(c.rows, func(x *connection) time.Duration { return x.at })
	free := make(map[row]time.Duration, len(c.rows))
	for k := range c.rows {
		x := &c.rows[k]
		for x.at < free[x.row] {
			if x.sourcePort++; x.sourcePort < 32768 {
				x.sourcePort = 32768
			}
		}
		free[x.row] = x.at + x.lasts + 2*minutes
	}
}

// sortRows sorts rows by a time, and keeps the order of equal ones. It sorts
// keys, then moves each row once: rows are large.
func sortRows(rows []connection, by func(x *connection) time.Duration) {
	type key struct {
		at   time.Duration
		from int
	}
	keys := make([]key, len(rows))
	for n := range rows {
		keys[n] = key{by(&rows[n]), n}
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.at, b.at), a.from-b.from) })
	for n := range rows {
		first := rows[n]
		for to := n; keys[to].from != to; {
			from := keys[to].from
			keys[to].from = to
			if from == n {
				rows[to] = first
				break
			}
			rows[to] = rows[from]
			to = from
		}
	}
}

// truth describes what happened.
func (c *company) truth(intrusions []Intrusion) *Truth {
	t := &Truth{
		Seed: c.options.Seed, Start: c.calendar.start, End: c.time(c.calendar.end), LearnUntil: c.time(c.calendar.learn),
		Intrusions: intrusions, Benign: c.benign,
	}
	if t.Intrusions == nil {
		t.Intrusions = []Intrusion{}
	}
	if t.Benign == nil {
		t.Benign = []Benign{}
	}
	slices.SortStableFunc(t.Benign, func(a, b Benign) int { return a.Start.Compare(b.Start) })
	byAddress := c.byAddress()
	for k := range c.rows {
		row := &c.rows[k]
		if row.mark == nil {
			continue
		}
		i := &t.Intrusions[row.mark.intrusion]
		from, to := byAddress[row.source], byAddress[row.destination]
		s := Step{
			At: c.time(row.at), Until: c.time(row.at + row.lasts), Source: row.source.String(), Destination: row.destination.String(),
			Port: row.port, SourcePort: row.sourcePort, State: row.state(), History: row.history(), Kind: row.mark.kind,
			Success: row.mark.success && row.established(), Lateral: c.inside(row.source) && c.inside(row.destination),
			MonitoredSource: from != nil && from.monitored, MonitoredDestination: to != nil && to.monitored,
		}
		if len(i.Connections) == 0 {
			i.Start = s.At
		}
		if s.Until.After(i.End) {
			i.End = s.Until
		}
		i.Connections = append(i.Connections, s)
	}
	t.Intrusions = slices.DeleteFunc(t.Intrusions, func(i Intrusion) bool { return len(i.Connections) == 0 })
	for k := range t.Intrusions {
		t.Intrusions[k].ID = "i" + strconv.Itoa(k+1)
	}
	return t
}

func (c *company) inside(a netip.Addr) bool {
	return slices.ContainsFunc(c.internal, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Truth is what happened.
func (s *Simulation) Truth() *Truth { return s.truth }

// Rows is how many rows the log has.
func (s *Simulation) Rows() int { return len(s.company.rows) }
