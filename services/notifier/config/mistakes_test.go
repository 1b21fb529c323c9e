package config

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// secretly is an environment whose every value is a secret, and some are
// wrong.
func secretly() world {
	return world{
		files: map[string]string{
			"/run/key":               key + "\n",
			"/run/bad-key":           "s3cr3t",
			"/run/empty":             "\n",
			"/run/long":              strings.Repeat("s3cr3t", 64<<10),
			"/run/url":               "https://hooks.example/s3cr3t",
			"/run/bad-url":           "s3cr3t",
			"/etc/headstart/rel.txt": "Bearer s3cr3t",
		},
		variables: map[string]string{
			"URL": "https://user:s3cr3t@hooks.example/", "KEY": key, "EMPTY": "", "BREAK": "s3cr3t\r\nX-B: c",
		},
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want []string // in this order, each after the file's name
	}{
		"empty file":          {"", []string{": empty"}},
		"comments only":       {"# nothing\n", []string{": empty"}},
		"not YAML":            {"receivers: [", []string{": yaml: line 1"}},
		"not a mapping":       {"- name: a", []string{":1:1: a list where keys and values belong"}},
		"null":                {"~", []string{":1:1: nothing where keys and values belong"}},
		"two documents":       {"receivers: []\n---\nreceivers: []\n", []string{":2: a second YAML document"}},
		"broken second":       {"receivers: []\n---\n]\n", []string{": yaml: line"}},
		"no receivers":        {"{}", []string{":1:1: receivers is missing"}},
		"receivers no list":   {"receivers: {name: a}", []string{":1:12: keys and values where a list belongs"}},
		"receiver no mapping": {"receivers:\n  - soc\n", []string{":2:5: a text where keys and values belong"}},
		"unknown keys": {"reciever: 1\nreceivers:\n  - name: a\n    slak: {}\n    webhook: {ulr: x, url: 'https://a.example'}\n", []string{
			`:1:1: unknown key "reciever"; known here: receivers`,
			`:4:5: unknown key "slak"; known here: deliver, give_up_after, name, severity, slack, webhook`,
			`:5:15: unknown key "ulr"; known here: body, ca_file, header_env`,
		}},
		"merge key":    {"receivers:\n  - &a {name: a, slack: {url_file: /run/url}}\n  - {<<: *a, name: b}\n", []string{":3:5: the receiver has neither", `:3:6: unknown key "<<"`}},
		"repeated key": {"receivers: []\nreceivers: []\n", []string{`:2:1: "receivers" is in line 1 already`}},
		"list as key":  {"? [a]\n: b\nreceivers: []\n", []string{":1:3: a list where a key belongs"}},
		"cycle":        {"receivers: &a [*a]\n", []string{":1:16: a list where keys and values belong"}},
		"names": {"receivers:\n  - {slack: {url_file: /run/url}}\n  - {name: '', slack: {url_file: /run/url}}\n  - {name: A b, slack: {url_file: /run/url}}\n  - {name: 7, slack: {url_file: /run/url}}\n  - {name: 7, slack: {url_file: /run/url}}\n  - {name: [a], slack: {url_file: /run/url}}\n", []string{
			":2:5: name is missing",
			":3:12: nothing where a text belongs",
			`:4:12: name "A b": use 1 to 63 of a-z, 0-9 and -`,
			":6:12: the receiver of line 5 is called 7 too",
			":7:12: a list where a text belongs",
		}},
		"severity and times": {"receivers:\n  - {name: a, severity: hihg, give_up_after: 1s, slack: {url_file: /run/url, timeout: 10}}\n", []string{
			`:2:25: unknown severity "hihg": one of info, low, medium, high, critical`,
			`:2:46: "1s": write a time from 1m0s to 720h0m0s`,
			`:2:87: "10": write a time from 1s to 1m0s`,
		}},
		"no kind and two": {"receivers:\n  - name: a\n  - name: b\n    webhook: {url: 'https://a.example'}\n    slack: {url_file: /run/url}\n", []string{
			":2:5: the receiver has neither webhook nor slack",
			":5:5: a receiver has one of webhook and slack; make it two receivers",
		}},
		"kinds of nothing": {"receivers:\n  - name: a\n    webhook:\n  - name: b\n    slack: []\n", []string{
			":3:13: nothing where keys and values belong",
			":5:12: a list where keys and values belong",
		}},
		"URLs": {"receivers:\n  - {name: a, webhook: {}}\n  - {name: b, slack: {}}\n  - {name: c, webhook: {url: s3cr3t}}\n  - {name: d, webhook: {url_env: URL}}\n  - {name: e, slack: {url_file: /run/bad-url}}\n  - {name: f, webhook: {url: 'https://a.example', url_file: /run/url}}\n  - {name: g, slack: {url: 'https://hooks.example/s3cr3t'}}\n", []string{
			":2:24: no URL: give one of url, url_file, url_env",
			":3:22: no URL: give one of url_file, url_env",
			":4:30: not an absolute http:// or https:// URL",
			":5:34: the URL has credentials",
			":6:33: not an absolute http:// or https:// URL",
			":7:51: url_file besides another key for the same; choose one",
			":8:23: a Slack webhook's URL is a secret: put it into a file",
		}},
		"secrets": {"receivers:\n  - name: a\n    webhook:\n      url: https://a.example\n      secret: s3cr3t\n      secret_file: /run/bad-key\n      header_files: {X-A: /run/none, X-B: /run/empty, X-C: /run/long}\n      header_env: {X-D: NONE, X-E: EMPTY, X-F: BREAK}\n", []string{
			":5:7: put the secret into a file",
			":6:20: secret 1 of 1: doesn't begin with whsec_",
			":7:27: open /run/none: file does not exist",
			":7:43: the file /run/empty is empty",
			":7:60: /run/long: 393216 bytes, more than 65536",
			":8:25: the environment variable NONE is not set",
			":8:36: the environment variable EMPTY is not set",
			":8:43: X-F: a control character in the value",
		}},
		"headers": {"receivers:\n  - name: a\n    webhook:\n      url: https://a.example\n      headers: {Authorization: s3cr3t, x-a: b, Host: c, 'a b': c, X-N: }\n      header_files: {X-A: rel.txt}\n", []string{
			":5:17: Authorization holds a secret",
			":5:48: Host can't be set",
			`:5:57: "a b" isn't the name of a header field`,
			":5:72: nothing where a text belongs",
			":6:22: X-A is there already",
		}},
		"body": {"receivers:\n  - name: a\n    webhook:\n      url: https://a.example\n      ca_file: /run/key\n      body: |\n        {{ .Titel }}\n  - name: b\n    webhook: {url: 'https://a.example', body: '\"{{ .Title }}\"'}\n", []string{
			":5:16: the file /run/key holds no PEM certificate",
			":6:13: body: with a sample incident that has every field: template: body:1:3:",
			":9:47: body: with a sample incident that has every field: not valid JSON",
		}},
		"deliver": {"receivers:\n  - {name: a, deliver: alert, webhook: {url: 'https://a.example'}}\n  - {name: b, webhook: {url: 'https://a.example', body: '{{json .Score}}'}, deliver: alerts}\n  - {name: c, deliver: [alerts], slack: {url_file: /run/url}}\n", []string{
			`:2:24: deliver "alert": one of incidents, alerts, both`,
			":3:57: body: with a sample alert that has every field: template: body:1:7:",
			":4:24: a list where a text belongs",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			receivers, err := load(c.yaml, secretly())
			if err == nil || receivers != nil {
				t.Fatalf("%d receivers, %v; want mistakes only", len(receivers), err)
			}
			if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), key) {
				t.Errorf("a secret is printed: %v", err)
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(c.want) {
				t.Errorf("%d mistakes, want %d", len(got), len(c.want))
			}
			for i := range min(len(got), len(c.want)) {
				if !strings.HasPrefix(got[i], "/etc/headstart/notifier.yaml"+c.want[i]) {
					t.Errorf("mistake %d:\n  %s\nwant\n  …%s", i+1, got[i], c.want[i])
				}
			}
			if len(got) != len(c.want) {
				t.Logf("all:\n%v", err)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	if _, err := Load("/etc/none.yaml", world{}.environment()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/etc/none.yaml") {
		t.Errorf("error %v, want one that names the file", err)
	}
	if _, err := load(strings.Repeat("#", maxFile+1), world{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a file beyond the limit: %v", err)
	}
	if _, err := load("receivers: ["+strings.Repeat("a,", maxReceivers+1)+"]", world{}); err == nil || !strings.Contains(err.Error(), "101 entries, more than 100") {
		t.Errorf("too many receivers: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"receivers: [{name: a, slack: {url_file: /run/url}}]",
		"receivers: &a [*a]",
		"receivers:\n  - name: a\n    webhook: {url: 'https://a.example', secret_file: /run/key, body: '{{json .}}', headers: {A: b}}\n",
		"receivers: [{name: a, severity: high, give_up_after: 1h, webhook: &b {url_env: URL}}, {name: b, webhook: *b}]",
		"---\n...\n---\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, yaml string) {
		receivers, err := load(yaml, secretly())
		if err != nil {
			if receivers != nil {
				t.Errorf("receivers besides %v", err)
			}
			if strings.Contains(err.Error(), "s3cr3t") && !strings.Contains(yaml, "s3cr3t") {
				t.Errorf("a secret is printed: %v", err)
			}
			return
		}
		names := map[string]bool{}
		for _, r := range receivers {
			if !receiverName.MatchString(r.Name) || names[r.Name] || r.Sender == nil || r.Backoff.GiveUpAfter <= 0 {
				t.Errorf("receiver %+v of %v", r, names)
			}
			names[r.Name] = true
		}
	})
}
