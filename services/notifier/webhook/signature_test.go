package webhook

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"headstart/daemon"
)

func keys(t testing.TB, secrets string) []Key {
	t.Helper()
	k, err := ParseKeys(daemon.Secret(secrets))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func secret(length int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", length)))
}

// The example of the specification's libraries.
func TestSignatureOfTheSpecification(t *testing.T) {
	got := signatures(keys(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek",
		time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestEveryKeyVerifies(t *testing.T) {
	secrets := []string{secret(24), secret(33), secret(64)}
	at, body := time.Now(), []byte("{\"a\": \"\xff\"}")
	header := http.Header{}
	header.Set(fieldID, "9f86d081884c7d659a2feaa0_soc")
	header.Set(fieldTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(fieldSignature, signatures(keys(t, strings.Join(secrets, "\n")+"\n"), "9f86d081884c7d659a2feaa0_soc", at, body))
	for _, s := range append(secrets, secret(25)) {
		verifier, err := standardwebhooks.NewWebhook(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(body, header); (err == nil) != (s != secret(25)) {
			t.Errorf("verify with %s: %v", s, err)
		}
	}
}

func TestParseKeysRejectsWithoutQuoting(t *testing.T) {
	for name, c := range map[string]struct{ secrets, want string }{
		"nothing":              {" \n", "0 secrets"},
		"no prefix":            {strings.TrimPrefix(secret(24), "whsec_"), "whsec_"},
		"a private key":        {"whsk_" + secret(24), "whsec_"},
		"not base64":           {"whsec_s3cr3t!", "base64"},
		"URL alphabet":         {"whsec_" + strings.Repeat("-_", 20), "base64"},
		"short":                {secret(23), "23 bytes"},
		"long":                 {secret(65), "65 bytes"},
		"the second of two":    {secret(24) + " s3cr3t", "secret 2 of 2"},
		"more than a rotation": {strings.Repeat(secret(24)+" ", 9), "9 secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKeys(daemon.Secret(c.secrets))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want it to say %q", err, c.want)
			}
			for _, word := range strings.Fields(c.secrets) {
				if strings.Contains(err.Error(), word) {
					t.Errorf("the error quotes the secret: %v", err)
				}
			}
		})
	}
}

func TestKeyDoesNotPrint(t *testing.T) {
	k := keys(t, secret(24))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		for _, v := range []any{k, k[0], New(Options{Keys: k})} {
			got := fmt.Sprintf(verb, v)
			for _, form := range []string{"kkkk", "107 107", "6b6b", "0x6b, 0x6b", secret(24)[6:]} {
				if strings.Contains(got, form) {
					t.Errorf("%s of a %T prints %s", verb, v, got)
				}
			}
		}
	}
}

func BenchmarkSignatures(b *testing.B) {
	b.ReportAllocs()
	k, body, at := keys(b, secret(32)), make([]byte, 2<<10), time.Unix(1614265330, 0)
	for b.Loop() {
		signatures(k, "9f86d081884c7d659a2feaa0_soc", at, body)
	}
}
