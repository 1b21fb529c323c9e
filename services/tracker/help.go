package tracker

// help has the HELP texts of the metrics.
var help = map[string]string{
	"headstart_tracker_snapshots_total":        "Snapshots, by result.",
	"headstart_tracker_sockets_total":          "Rows compared.",
	"headstart_tracker_connections_total":      "Changes published, by kind.",
	"headstart_tracker_missed_snapshots_total": "Gaps in hosts' sequence numbers.",
	"headstart_tracker_rejected_rows_total":    "Rows that pollers could not parse.",
	"headstart_tracker_hosts":                  "Hosts whose table is in memory.",
	"headstart_tracker_lost_tables_total":      "Saved tables that could not be used.",
}
