package operations_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus/natstest"
	"headstart/detect/inventory"
	"headstart/test/containers/manual"
	"headstart/test/system"
)

// The services make the streams and buckets that the document lists, and no
// others, with what it says of them.
func TestStreamsAreAsDocumented(t *testing.T) {
	server := natstest.Start(t)
	system.Tracker(t, server.URL)
	system.Correlator(t, server.URL, "")
	system.ConfiguredNotifier(t, server.URL, "receivers: []\n")
	want := map[string]string{}
	for _, row := range manual.Table(t, "Storage", "stream or bucket") {
		want[manual.Code(row[0])] = row[2] + ", " + row[3]
	}
	nc, err := nats.Connect(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	await(t, "the streams and buckets", func() error {
		streams := js.ListStreams(t.Context())
		for info := range streams.Info() {
			days := int(info.Config.MaxAge / (24 * time.Hour))
			share := strconv.FormatInt(info.Config.MaxBytes*100/system.Storage.Bytes+1, 10)
			kept := fmt.Sprintf("%d days", days)
			switch info.Config.MaxAge {
			case 0:
				kept = "for good"
			case 24 * time.Hour:
				kept = "1 day"
			}
			got[info.Config.Name] = fmt.Sprintf("%s, %s %%", kept, share)
		}
		if streams.Err() == nil && len(got) < len(want) {
			return fmt.Errorf("%d of %d", len(got), len(want))
		}
		return streams.Err()
	})
	for name, message := range want {
		if got[name] != message {
			t.Errorf("%s: %s in the document, %s there", name, message, got[name])
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("docs/operations.md doesn't list %s", name)
	}
}

func TestInventoryIsWrittenAsDocumented(t *testing.T) {
	_, rest, _ := strings.Cut(strings.Join(manual.Section(t, "Inventory"), "\n"), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	i, err := inventory.Parse("inventory.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if dc := i.Host("dc-01"); dc == nil || dc.Monitored || len(i.Internal) == 0 {
		t.Errorf("%+v", i)
	}
}
