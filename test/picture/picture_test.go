package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestScreen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"lines", []string{"one\r\ntwo\r\n"}, []string{"one", "two"}},
		{"a line in pieces", []string{"o", "n", "e\n"}, []string{"one"}},
		{"a line that is written over", []string{"[==  ] 40 %", "\r           \rdone\n"}, []string{"done"}},
		{"a line that has not ended", []string{"one\ntwo"}, []string{"one"}},
		{"a character in pieces", []string{"a \xe2\x86", "\x92 b\n"}, []string{"a → b"}},
		{"a sequence in pieces", []string{"\x1b[3", "1mHIGH\x1b[0m\n"}, []string{"HIGH"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScreen()
			for _, w := range tt.writes {
				s.write([]byte(w), 0)
			}
			var got []string
			for n := range s.lines {
				got = append(got, s.lines[n].text())
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPicturePlaysAndEndsWithTheLastRows(t *testing.T) {
	s := newScreen()
	s.write([]byte("\x1b[31mfirst\x1b[0m & <last>\n"), time.Second)
	s.write([]byte("second\nthird\n"), 2*time.Second)
	svg := string(picture{columns: 40, rows: 2, speed: 2}.svg(s.lines))
	checkSVG(t, []byte(svg))
	for _, want := range []string{
		`animation-delay:0.50s" x="18" y="32" xml:space="preserve" fill="#d0d7de"><tspan fill="#ff7b72" font-weight="bold">first</tspan> &amp; &lt;last&gt;</text>`,
		`animation-delay:1.00s" x="18" y="68" xml:space="preserve" fill="#d0d7de">third</text>`,
		"{animation:up 1.00s step-end}", "100.00%{transform:translateY(-18px)}", `transform="translate(0 -18)"`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}

// TestPictureOfTheReadme holds that the picture is one that this program made
// of a demonstration that went well. Whether it is of the newest one, nobody
// can say.
func TestPictureOfTheReadme(t *testing.T) {
	svg, err := os.ReadFile("../../docs/demo.svg")
	if err != nil {
		t.Fatal(err)
	}
	checkSVG(t, svg)
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(svg), "")
	for _, want := range []string{"$ headstart demo", "attacker   logs in to web-01", "incident opened", "SIEM       raises its first alarm", "Head start over the SIEM: 2 h 5"} {
		if !strings.Contains(text, want) {
			t.Errorf("it doesn't say %q", want)
		}
	}
}

// checkSVG holds that a picture is XML, small, and loads nothing.
func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if len(svg) > 100_000 {
		t.Errorf("%d bytes", len(svg))
	}
	for _, bad := range []string{"<script", "<image", "href", "@import", "url(http"} {
		if bytes.Contains(svg, []byte(bad)) {
			t.Errorf("it has %s", bad)
		}
	}
}
