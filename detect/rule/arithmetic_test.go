package rule_test

import (
	"testing"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

func TestArithmetic(t *testing.T) {
	o := session() // lived 60 to 90 s
	o.Baseline = func(*event.Connection) rule.Baseline {
		return rule.Baseline{
			Prevalence: 0.25,
			Length:     rule.UsualLength{P50: 2 * time.Second, P99: 20 * time.Second, Count: 40},
			Fanout:     rule.UsualFanout{P99: 3, Now: 5},
		}
	}
	for when, want := range map[string]bool{
		`conn.age.min > 2 * baseline.length.p99`:                                              true,
		`conn.age.min > 3 * baseline.length.p99`:                                              false,
		`conn.age.min == 3 * baseline.length.p99`:                                             true,
		`baseline.length.p99 * 3 == conn.age.min`:                                             true,
		`conn.age.min > 2.9 * baseline.length.p99`:                                            true,
		`conn.age.min > baseline.length.p99 * 3.1`:                                            false,
		`1.5 * baseline.length.p50 == duration("3s")`:                                         true,
		`baseline.prevalence * baseline.length.p99 == duration("5s")`:                         true,
		`conn.port * baseline.length.p50 == duration("6612s")`:                                true,
		`-1 * baseline.length.p50 < duration("0s")`:                                           true,
		`baseline.length.p99 / 4 == duration("5s")`:                                           true,
		`baseline.length.p99 / 0.5 == duration("40s")`:                                        true,
		`baseline.length.p99 / baseline.length.p50 == 10`:                                     true,
		`conn.age.min / baseline.length.p99 >= 3`:                                             true,
		`baseline.length.p50 + baseline.length.p99 == duration("22s")`:                        true,
		`baseline.length.p50 - baseline.length.p99 == duration("0s") - duration("18s")`:       true,
		`2 * (baseline.length.p50 + duration("1s")) + baseline.length.p99 == duration("26s")`: true,
		`conn.age.min > (conn.open ? 1.5 : 4) * baseline.length.p99`:                          true,
		`conn.age.min > (conn.open ? baseline.length.p99 : duration("1h")) * 3.5`:             false,
		`now - conn.age.min == date("2026-06-05T12:00:00Z")`:                                  true,
		`now - date("2026-06-05T12:00:00Z") == conn.age.min`:                                  true,
		`date("2026-06-05T12:00:00Z") + 3 * baseline.length.p99 == now`:                       true,
		`3 * baseline.length.p99 + date("2026-06-05T12:00:00Z") == now`:                       true,
		`baseline.prevalence < 0.2`:                                                           false,
		`baseline.prevalence * 4 == 1 and baseline.fanout.p99 + 1 == 4`:                       true,
		`baseline.fanout.now > 1.5 * baseline.fanout.p99`:                                     true,
		`baseline.fanout.p99 in 1..3 and not (baseline.fanout.p99 in 4..9)`:                   true,
		`baseline.prevalence in 0..1 and conn.uid / 3 in 333..334`:                            true,
		`baseline.fanout.p99 in 1..1000000`:                                                   true,
		`baseline.length.count % 7 == 5 and -conn.port == -3306`:                              true,
		`host.name + "/" + peer.name == "web-01/db-01"`:                                       true,
		`host.name + "x" in ["web-01x"]`:                                                      true,

		// Where the longest duration ends, nothing wraps around.
		`10 * conn.age.max > conn.age.max and conn.age.max + conn.age.max > conn.age.min`: true,
		`1e300 * baseline.length.p99 > duration("1000000h")`:                              true,
		`-1e300 * baseline.length.p99 < duration("0s")`:                                   true,
		`baseline.length.p99 / 0 > duration("1000000h")`:                                  true,
		`(baseline.length.p99 - baseline.length.p99) / 0 == duration("0s")`:               true,
		`-1e300 * baseline.length.p99 - 1e300 * baseline.length.p99 < duration("0s")`:     true,
	} {
		if got := holds(t, when, o); got != want {
			t.Errorf("%s is %v", when, got)
		}
	}
	o.Connection.OpenedAfter = time.Time{} // nothing bounds conn.age.max
	for _, when := range []string{
		`10 * conn.age.max > conn.age.min`, `conn.age.max + duration("1s") > conn.age.min`, `conn.age.max * 0.5 > duration("1000000h")`,
		`conn.age.max - conn.age.min > duration("1000000h")`, `conn.age.max + conn.age.max > duration("1000000h")`,
	} {
		if !holds(t, when, o) {
			t.Errorf("%s doesn't hold without a bound", when)
		}
	}
}

func TestMistakeInArithmetic(t *testing.T) {
	for when, want := range map[string]string{
		`conn.age.min > 3 * baseline.length.p99 + 5`: "5:46 invalid operation: + (mismatched types duration and number)",
		`3 * now > now`: "5:9 invalid operation: * (mismatched types number and time)",
		`conn.age.min * conn.age.max > duration("1s")`:          "5:20 invalid operation: * (mismatched types duration and duration)",
		`5 / conn.age.min > 2`:                                  "5:9 invalid operation: / (mismatched types number and duration)",
		`conn.age.min % 2 == 0`:                                 "5:20 invalid operation: % (mismatched types duration and number)",
		`conn.port + "1" == "221"`:                              "5:17 invalid operation: + (mismatched types port and text)",
		`now + now > now`:                                       "5:11 invalid operation: + (mismatched types time and time)",
		`conn.age.min > 1.5`:                                    "5:20 can't compare duration with number",
		`conn.age.min / conn.age.max > conn.age.min`:            "5:35 can't compare number with duration",
		`baseline.prevalence % 2 == 1`:                          "5:27 % is for whole numbers",
		`-conn.age.min < duration("1s")`:                        "5:7 invalid operation: - (mismatched type duration)",
		`(conn.open ? 1 : "a") == 1`:                            "5:8 one side of the choice is of the type number, the other of the type text",
		`baseline.fanout.p99 == duration("1s")`:                 "5:27 can't compare number with duration",
		`baseline.hots.learning`:                                "5:16 baseline has no field hots; did you mean baseline.host?",
		`baseline > 3`:                                          "5:7 baseline is not a value; it has baseline.known, baseline.role_known, baseline.unusual and more",
		`baseline.length > duration("1s")`:                      "5:16 baseline.length is not a value; it has baseline.length.p50, baseline.length.p99, baseline.length.count",
		`learning`:                                              "5:7 unknown name learning; did you mean baseline.host.learning or baseline.peer.learning?",
		`basline.known`:                                         "5:7 unknown name basline; did you mean baseline?",
		`baseline.host in roles.web`:                            "5:21 roles.web is for an end: host in roles.web, peer in roles.web",
		`conn.weekday == "Monday"`:                              `5:23 conn.weekday is never "Monday"; did you mean monday?`,
		`conn.weekday in ["sat"]`:                               `5:24 conn.weekday is never "sat"; it has sunday, monday, tuesday, wednesday, thursday, friday or saturday`,
		`conn.age.min in 2 * baseline.length.p99`:               "5:20 in takes a list on its right, not duration",
		`host.name in "web-01"`:                                 "5:17 in takes a list on its right, not text",
		`conn.port in conn.uid`:                                 "5:17 in takes a list on its right, not number",
		`any(host.addresses, # == conn.peer or baseline.known)`: "5:54 a loop over addresses can only test addresses; test baseline.known outside of it",
	} {
		_, err := load(header + "when: |\n      " + when + "\n")
		if err == nil {
			t.Errorf("%s: no mistake", when)
			continue
		}
		if got := mistakes(t, err); len(got) != 1 || got[0] != want {
			t.Errorf("%s\ngot  %q\nwant %q", when, got, want)
		}
	}
}

func TestWhenItBegan(t *testing.T) {
	for at, when := range map[string]string{
		"2026-06-05T00:00:00Z":                `conn.weekday == "friday" and conn.hour == 0`,
		"2026-06-05T23:59:59.999Z":            `conn.weekday == "friday" and conn.hour == 23`,
		"2026-06-06T01:30:00+02:00":           `conn.weekday == "friday" and conn.hour == 23`,
		"2026-06-06T00:30:00Z":                `conn.weekday in ["saturday", "sunday"] and conn.hour in 0..5`,
		"2026-06-07T12:00:00Z":                `conn.weekday == "sunday" and conn.hour == 12`,
		"1970-01-01T00:00:00Z":                `conn.weekday == "thursday" and conn.hour == 0`,
		"1969-12-31T23:59:59Z":                `conn.weekday == "wednesday" and conn.hour == 23`,
		"0001-01-01T00:00:00Z":                `conn.weekday == "monday" and conn.hour == 0`,
		"2000-02-29T12:00:00.000000001+14:00": `conn.weekday not in ["wednesday"] and conn.weekday != "tuesday" and conn.hour == 22`,
	} {
		began, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		o := session()
		o.Connection.OpenedBefore = began
		if !holds(t, when, o) {
			t.Errorf("%s doesn't hold at %s", when, at)
		}
	}
}
