package hosts_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"headstart/detect/hosts"
	"headstart/event"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

func address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }

// says is what a host says of itself: its addresses.
func says(host string, addresses ...string) *event.Changes {
	c := &event.Changes{Host: host, ObservedAt: noon, Roles: []string{"web"}}
	for _, a := range addresses {
		c.Addresses = append(c.Addresses, address(a))
	}
	return c
}

// at returns the name of the host that has an address, or nobody.
func at(d *hosts.Table, a string) string {
	if h := d.At(address(a)); h != nil {
		return h.Name
	}
	return "nobody"
}

func TestAddressLeadsToItsHost(t *testing.T) {
	d := hosts.New(10)
	self, news := d.Update(says("web-01", "10.1.1.10", "2001:db8::10"))
	if !news || self.Name != "web-01" || !slices.Equal(self.Roles, []string{"web"}) || len(self.Addresses) != 2 {
		t.Errorf("learnt %+v, news is %t", self, news)
	}
	for a, want := range map[string]string{"10.1.1.10": "web-01", "2001:db8::10": "web-01", "10.1.1.11": "nobody", "::": "nobody"} {
		if got := at(d, a); got != want {
			t.Errorf("%s is %s, want %s", a, got, want)
		}
	}
}

func TestLearnedStateIsNotTheMessages(t *testing.T) {
	d := hosts.New(10)
	c := says("web-01", "10.1.1.10")
	self, _ := d.Update(c)
	c.Roles[0], c.Addresses[0] = "attacker", address("10.9.9.9")
	if self.Roles[0] != "web" || at(d, "10.1.1.10") != "web-01" || at(d, "10.9.9.9") != "nobody" {
		t.Error("the next message changes what was learnt from this one")
	}
}

func TestContestedAddressIsUnattributed(t *testing.T) {
	d := hosts.New(10)
	expect := func(when, owner string, contested int) {
		t.Helper()
		if got := at(d, "172.17.0.1"); got != owner || d.Contested() != contested {
			t.Errorf("%s: 172.17.0.1 is %s's and %d addresses are contested, want %s and %d", when, got, d.Contested(), owner, contested)
		}
	}
	d.Update(says("a", "172.17.0.1", "10.0.0.1"))
	expect("one host has it", "a", 0)
	d.Update(says("b", "172.17.0.1", "10.0.0.2"))
	expect("two have it", "nobody", 1)
	d.Update(says("c", "172.17.0.1"))
	expect("three have it", "nobody", 1)
	d.Update(says("b", "10.0.0.2"))
	expect("two have it again", "nobody", 1)
	d.Update(says("a", "10.0.0.1"))
	expect("one has it again", "c", 0)
	d.Update(says("c"))
	expect("none has it", "nobody", 0)
	if at(d, "10.0.0.1") != "a" || at(d, "10.0.0.2") != "b" {
		t.Error("addresses that nobody contests have moved")
	}
}

func TestAddressSaidTwiceIsSaidOnce(t *testing.T) {
	d := hosts.New(10)
	d.Update(says("a", "10.0.0.1", "10.0.0.1", "10.0.0.1"))
	if at(d, "10.0.0.1") != "a" || d.Contested() != 0 {
		t.Errorf("a host contests its own address: it is %s's, %d contested", at(d, "10.0.0.1"), d.Contested())
	}
	d.Update(says("b", "10.0.0.1", "10.0.0.1"))
	d.Update(says("a"))
	if at(d, "10.0.0.1") != "b" || d.Contested() != 0 {
		t.Errorf("it is %s's, %d contested", at(d, "10.0.0.1"), d.Contested())
	}
}

func TestAddressOfEveryHostIsUnattributed(t *testing.T) {
	d := hosts.New(10)
	everybodys := []string{"127.0.0.1", "::1", "0.0.0.0", "::", "169.254.1.1", "fe80::1", "224.0.0.1", "ff02::1"}
	d.Update(says("intruder", everybodys...))
	d.Update(says("other", everybodys...))
	for _, a := range everybodys {
		if got := at(d, a); got != "nobody" || d.Contested() != 0 {
			t.Errorf("%s is %s's, %d contested", a, got, d.Contested())
		}
	}
}

func TestOnlyChangesAreNews(t *testing.T) {
	d := hosts.New(10)
	for i, test := range []struct {
		says *event.Changes
		news bool
	}{
		{says("a", "10.0.0.1"), true},
		{says("a", "10.0.0.1"), false},
		{says("a", "10.0.0.2"), true},
		{&event.Changes{Host: "a", ObservedAt: noon, Roles: []string{"database"}, Addresses: []event.Address{address("10.0.0.2")}}, true},
		{&event.Changes{Host: "a", ObservedAt: noon, Roles: []string{"database"}, Addresses: []event.Address{address("10.0.0.2")}}, false},
	} {
		self, news := d.Update(test.says)
		if news != test.news {
			t.Errorf("message %d: news is %t", i, news)
		}
		if d.Len() != 1 || !slices.Equal(self.Addresses, test.says.Addresses) || !slices.Equal(self.Roles, test.says.Roles) {
			t.Errorf("message %d: %d hosts, %+v", i, d.Len(), self)
		}
	}
	if at(d, "10.0.0.1") != "nobody" || d.At(address("10.0.0.2")).Roles[0] != "database" {
		t.Error("others see what was before")
	}
}

func TestSilentHostIsForgotten(t *testing.T) {
	d := hosts.New(10)
	late := says("late", "10.0.0.1")
	late.ObservedAt = noon.Add(time.Hour)
	d.Update(late)
	d.Update(says("early", "10.0.0.2", "10.0.0.3"))
	d.Update(says("again", "10.0.0.3"))
	again := says("again", "10.0.0.3")
	again.ObservedAt = noon.Add(2 * time.Hour)
	d.Update(again)

	// A clock that is wrong by a day doesn't make a host silent.
	ahead := says("ahead", "10.0.0.4")
	ahead.ObservedAt, ahead.ClockOffset = noon.Add(-24*time.Hour), 25*time.Hour
	d.Update(ahead)
	d.Update(ahead) // nothing new, but a word

	if names := d.Expire(noon.Add(time.Minute)); !slices.Equal(names, []string{"early"}) {
		t.Errorf("forgotten: %v", names)
	}
	if d.Len() != 3 || at(d, "10.0.0.2") != "nobody" || at(d, "10.0.0.3") != "again" || d.Contested() != 0 {
		t.Errorf("%d hosts, %d contested", d.Len(), d.Contested())
	}
	names := d.Expire(noon.Add(24 * time.Hour))
	slices.Sort(names)
	if !slices.Equal(names, []string{"again", "ahead", "late"}) || d.Len() != 0 {
		t.Errorf("forgotten: %v, %d left", names, d.Len())
	}
}

func TestDirectoryHasACap(t *testing.T) {
	d := hosts.New(2)
	d.Update(says("a", "10.0.0.1"))
	d.Update(says("b", "10.0.0.2"))
	self, news := d.Update(says("c", "10.0.0.3"))
	if self.Name != "c" || !news {
		t.Errorf("one too many doesn't know itself: %+v", self)
	}
	d.Update(says("c", "10.0.0.1"))
	if d.Len() != 2 || at(d, "10.0.0.3") != "nobody" || at(d, "10.0.0.1") != "a" {
		t.Error("one too many is known to others, or contests an address")
	}
	if _, news := d.Update(says("a", "10.0.0.9")); !news || at(d, "10.0.0.9") != "a" {
		t.Error("one that is known can't change when there is no more room")
	}
	d.Expire(noon.Add(time.Second))
	if d.Update(says("c", "10.0.0.3")); at(d, "10.0.0.3") != "c" {
		t.Error("there is no room after others were forgotten")
	}
}

// TestDirectoryAgreesWithASearch holds the directory against one that looks
// through all hosts, over a long random history.
func TestDirectoryAgreesWithASearch(t *testing.T) {
	const most = 6
	random := rand.New(rand.NewPCG(1, 2))
	d, want := hosts.New(most), map[string][]string{}
	for step := range 5000 {
		name := fmt.Sprint("host-", random.IntN(8))
		var addresses []string
		for range random.IntN(5) {
			addresses = append(addresses, fmt.Sprint("10.0.0.", random.IntN(6)))
		}
		c := says(name, addresses...)
		c.ObservedAt = noon.Add(time.Duration(step) * time.Second)
		d.Update(c)
		if _, known := want[name]; known || len(want) < most {
			want[name] = addresses
		}
		if random.IntN(20) == 0 {
			for _, name := range d.Expire(c.ObservedAt.Add(-5 * time.Second)) {
				delete(want, name)
			}
		}
		contested := 0
		for n := range 6 {
			a := fmt.Sprint("10.0.0.", n)
			owner, owners := "nobody", 0
			for name, addresses := range want {
				if slices.Contains(addresses, a) {
					owner = name
					owners++
				}
			}
			if owners > 1 {
				owner = "nobody"
				contested++
			}
			if got := at(d, a); got != owner {
				t.Fatalf("step %d: %s is %s, want %s", step, a, got, owner)
			}
		}
		if d.Contested() != contested || d.Len() != len(want) {
			t.Fatalf("step %d: %d hosts and %d contested addresses, want %d and %d", step, d.Len(), d.Contested(), len(want), contested)
		}
	}
}

func TestLearningNothingNewAllocatesNothing(t *testing.T) {
	d := hosts.New(10)
	c := says("web-01", "10.1.1.10", "2001:db8::10")
	d.Update(c)
	if n := testing.AllocsPerRun(100, func() { d.Update(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLearnNothingNew(b *testing.B) {
	const count = 10_000
	d := hosts.New(count)
	messages := make([]*event.Changes, count)
	for i := range messages {
		messages[i] = says(fmt.Sprint("host-", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250), "172.17.0.1")
		d.Update(messages[i])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Update(messages[i%count])
		i++
	}
}
