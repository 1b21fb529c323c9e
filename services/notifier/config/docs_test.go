package config

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestConfigurationsInTheDocumentationLoad(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "notifier.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("no configuration in docs/notifier.md")
	}
	for _, block := range blocks {
		_, err := load(string(block[1]), world{
			files: map[string]string{
				"/run/secrets/tickets-webhook":   key + "\n",
				"/run/secrets/slack-webhook-url": "https://hooks.slack.com/services/T0/B0/X\n",
			},
			variables: map[string]string{"PAGER_URL": "https://pager.example.com/v2"},
		})
		if err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
}
