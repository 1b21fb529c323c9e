package event_test

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"testing"

	"headstart/event"
)

func TestAddressText(t *testing.T) {
	for _, tt := range []struct {
		text, plain   string
		is4, wildcard bool
	}{
		{"10.1.5.10", "10.1.5.10", true, false},
		{"0.0.0.0", "0.0.0.0", true, true},
		{"255.255.255.255", "255.255.255.255", true, false},
		{"::", "::", false, true},
		{"::1", "::1", false, false},
		{"2001:db8:0:0:0:0:0:1", "2001:db8::1", false, false},
		{"::ffff:10.1.5.10", "10.1.5.10", true, false},
		{"fe80::1%eth0", "fe80::1", false, false},
		{"::fffe:10.1.5.10", "::fffe:a01:50a", false, false},
	} {
		t.Run(tt.text, func(t *testing.T) {
			var a event.Address
			if err := a.UnmarshalText([]byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			if a.String() != tt.plain {
				t.Errorf("prints %s, want %s", a, tt.plain)
			}
			if a.Is4() != tt.is4 || a.IsWildcard() != tt.wildcard {
				t.Errorf("IPv4 %t, wildcard %t; want %t, %t", a.Is4(), a.IsWildcard(), tt.is4, tt.wildcard)
			}
			data, err := json.Marshal(a)
			if err != nil || string(data) != `"`+tt.plain+`"` {
				t.Errorf("JSON %s, %v", data, err)
			}
			if again := event.AddressFrom(a.Netip()); again != a {
				t.Errorf("%v becomes %v by way of netip", a, again)
			}
		})
	}
}

func TestAddressRejects(t *testing.T) {
	for _, text := range []string{"", "web-01", "10.1.5", "10.1.5.256", "10.1.5.10:22", "[::1]", "1:2:3"} {
		var a event.Address
		if err := a.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is parsed as %s", text, a)
		}
	}
}

func TestAddressFrom(t *testing.T) {
	if got := event.AddressFrom(netip.Addr{}); got != (event.Address{}) {
		t.Errorf("the invalid address becomes %s", got)
	}
	if got := event.AddressFrom4(0x7f000001).String(); got != "127.0.0.1" {
		t.Errorf("0x7f000001 is %s", got)
	}
}

func TestAddressOrder(t *testing.T) {
	ordered := []string{"::", "::1", "0.0.0.0", "10.0.0.1", "192.168.0.1", "2001:db8::", "2001:db8::1", "ffff::"}
	for i, low := range ordered {
		for j, high := range ordered {
			a, b := event.AddressFrom(netip.MustParseAddr(low)), event.AddressFrom(netip.MustParseAddr(high))
			if got, want := a.Compare(b), cmp.Compare(i, j); got != want {
				t.Errorf("%s to %s: %d, want %d", low, high, got, want)
			}
		}
	}
}
