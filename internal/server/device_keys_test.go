package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// source is the camera as a user of the library has it, with its certificate in
// files.
func (c camera) source() credentials.IoT {
	c.r.t.Helper()
	dir := c.r.t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(c.pair.PrivateKey)
	if err != nil {
		c.r.t.Fatal(err)
	}
	d := credentials.IoT{
		Endpoint: c.r.address(), RoleAlias: "camera", ThingName: c.name,
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), CA: filepath.Join(dir, "ca.pem"),
	}
	for path, text := range map[string][]byte{
		d.Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.pair.Certificate[0]}),
		d.Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		d.CA:          c.r.s.Authority().PEM(),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			c.r.t.Fatal(err)
		}
	}
	return d
}

func TestTheLibrarysDeviceGetsCredentialsThatAreGood(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	r.create("gate", 1)
	got, err := r.camera("gate", nil).source().Source()(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(got.Expires); left < 59*time.Minute || left > time.Hour {
		t.Errorf("they are good for %v", left)
	}
	k := wire.Credentials{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}
	for stream, want := range map[string]int{"gate": http.StatusOK, "yard": http.StatusForbidden} {
		if status, body := r.callAs(k, "/describeStream", map[string]any{"StreamName": stream}); status != want {
			t.Errorf("describe %s: %d %s", stream, status, body)
		}
	}
}

// TestWhyTheLibrarysDeviceGetsNone: each refusal of the server arrives as what it
// is, and so does a server that is none of the device's.
func TestWhyTheLibrarysDeviceGetsNone(t *testing.T) {
	var ahead atomic.Int64
	r := startSecure(t, server.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, func(c *config.Server) {
		c.RoleAliases = config.RoleAliases{{Name: "camera", Lifetime: time.Hour}, {Name: "other", Lifetime: time.Hour}}
	})
	gate, off := r.camera("gate", nil).source(), r.camera("off", nil).source()
	short := r.camera("short", map[string]any{"ValidityInDays": 1}).source()
	if status, out := r.call("/millrace/v1/updateDevice", map[string]any{"DeviceName": "off", "Status": "DISABLED"}); status != http.StatusOK {
		t.Fatalf("%d %v", status, out)
	}
	elsewhere := startSecure(t, server.Options{}, nil).camera("gate", nil).source()
	foreign, stranger := elsewhere, gate
	foreign.Endpoint, foreign.CA = gate.Endpoint, gate.CA
	stranger.CA = elsewhere.CA
	but := func(d credentials.IoT, change func(*credentials.IoT)) credentials.IoT {
		change(&d)
		return d
	}
	const invalid = "Certificate is invalid on this endpoint"
	for name, tc := range map[string]struct {
		device credentials.IoT
		later  time.Duration
		code   millrace.Code
		says   string
	}{
		"a device of another server": {foreign, 0, millrace.CodeAccessDenied, invalid},
		"an expired certificate":     {short, 25 * time.Hour, millrace.CodeAccessDenied, invalid},
		"a disabled device":          {off, 0, millrace.CodeAccessDenied, invalid},
		"another thing":              {but(gate, func(d *credentials.IoT) { d.ThingName = "yard" }), 0, millrace.CodeAccessDenied, "Invalid thing name passed"},
		"an alias of another":        {but(gate, func(d *credentials.IoT) { d.RoleAlias = "other" }), 0, millrace.CodeAccessDenied, "Access Denied"},
		"an alias that is not there": {but(gate, func(d *credentials.IoT) { d.RoleAlias = "none" }), 0, millrace.CodeNotFound, "role alias none: Role alias does not exist"},
		"a server of another":        {stranger, 0, millrace.CodeInternal, "certificate signed by unknown authority"},
	} {
		ahead.Store(int64(tc.later))
		_, err := tc.device.Source()(t.Context())
		if err == nil || millrace.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ahead.Store(0)
	var unknown x509.UnknownAuthorityError
	if _, err := stranger.Source()(t.Context()); !errors.As(err, &unknown) {
		t.Errorf("a server of another: %v", err)
	}
	anybody := credentials.IoT{Endpoint: gate.Endpoint, RoleAlias: "camera", TLS: &tls.Config{RootCAs: r.s.Authority().Pool()}}
	if _, err := anybody.Source()(context.Background()); millrace.CodeOf(err) != millrace.CodeAccessDenied {
		t.Errorf("without a certificate: %v", err)
	}
}
