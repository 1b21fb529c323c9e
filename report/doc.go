// Package report writes one incident for people: for a terminal, as Markdown for
// a ticket, as a single HTML file for the case's folder, and as JSON. It is
// pure.
//
//	r := report.New(incident, report.Options{Zone: time.Local})
//	text := r.Text(layout.Page{Columns: 80})
//	err := r.HTML(file)
//
// All formats say the same in the same order: what it is, how bad and since when;
// why people are told of it, or not; the hosts and their parts; the path; the
// timeline; what the intruder can reach next; what to do; the alerts by rule; and
// what there was no room for.
//
// It guarantees:
//   - Whatever an incident holds, the document has the same shape. Names, titles
//     and texts come from hosts that an intruder may own: in no format can they
//     move a cursor, make markup, links, images or scripts, load anything, or end
//     the list, table or block of commands that they are in.
//   - The HTML needs no other file and no network, and forbids itself both.
//   - The same incident gives the same bytes.
package report
