package condition

// Function is one that conditions can call.
type Function struct {
	Name    string `json:"name"`
	Type    string `json:"type"`    // of what it gives
	Doc     string `json:"doc"`     // what it gives
	Example string `json:"example"` // a condition with it
}

// Functions returns every function, in the order in which the page lists them.
func Functions() []Function {
	const (
		element = "; `#` is the element"
		zone    = "in a [time zone](https://en.wikipedia.org/wiki/List_of_tz_database_time_zones)"
	)
	return []Function{
		{"duration", TypeDuration, "a length of time: `h`, `m`, `s`, `ms`, joined as in `1h30m`", `conn.age.min > duration("1h30m")`},
		{"date", TypeTime, "a moment, in UTC: a day, or as in `2026-12-31T18:00:00Z`", `now < date("2026-12-31")`},
		{"any", TypeBool, "whether the condition holds for one or more elements of a list" + element, `any(host.roles, # startsWith "web")`},
		{"all", TypeBool, "whether it holds for every element" + element, `all(host.addresses, # in networks.internal)`},
		{"none", TypeBool, "whether it holds for no element" + element, `none(peer.roles, # == "scanner")`},
		{"one", TypeBool, "whether it holds for exactly one element" + element, `one(host.roles, # contains "db")`},
		{"count", TypeNumber, "for how many elements it holds" + element, `count(host.roles, # startsWith "web") > 1`},
		{"len", TypeNumber, "how many elements a list has, or bytes a text", `len(host.roles) == 0`},
		{"lower", TypeText, "the text in lower case", `lower(host.name) startsWith "web-"`},
		{"upper", TypeText, "the text in upper case", `upper(peer.name) == "DC-01"`},
		{"hour", TypeNumber, "the hour of the day, 0 to 23, " + zone + "; of `now` too", `hour(conn.began, "Europe/Berlin") < 6`},
		{"weekday", TypeText, "the day of the week there, as `conn.weekday` has it", `weekday(conn.began, "Europe/Berlin") == "sunday"`},
		{"time_of_day", TypeDuration, "what the clock on the wall shows there, as a duration since midnight", `time_of_day(conn.began, "Europe/Berlin") > duration("18h30m")`},
		{"fired", TypeBool, "whether another rule has fired about the host, or the peer, in the last 24 hours or as long as is given: see [building blocks](#building-blocks)", `fired("new-listening-port", host, duration("1h"))`},
	}
}
