package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/store/mem"
)

// TestARefusedDeviceIsToldOfAsRefused: the audit log and the metrics go by what
// is told of a call.
func TestARefusedDeviceIsToldOfAsRefused(t *testing.T) {
	control := mem.NewControl()
	ca, err := certs.OpenCA(t.TempDir(), clock())
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := auth.NewSessions(t.Context(), control)
	if err != nil {
		t.Fatal(err)
	}
	c := config(control)
	c.Devices = device.NewRegistry(device.Config{
		Documents: control, Authority: ca, Sessions: sessions, Aliases: map[string]time.Duration{"camera": time.Hour}, Now: clock,
	})
	var told []api.Answered
	var began []string
	c.Events = api.Events{
		Began: func(r *http.Request, operation, _ string) context.Context {
			began = append(began, operation)
			return r.Context()
		},
		Answered: func(a api.Answered) { told = append(told, a) },
	}
	h := newHandler(t, c)
	r := ask(t, h, "", http.MethodGet, "/role-aliases/camera/credentials", "", nil)
	if r.status != http.StatusForbidden || len(told) != 1 || len(began) != 1 {
		t.Fatalf("%d %s, told %+v, began %v", r.status, r.body, told, began)
	}
	a := told[0]
	if a.Operation != began[0] || a.Code != "AccessDeniedException" || a.Status != r.status || a.Message != "Certificate is invalid on this endpoint" {
		t.Errorf("began %v, told %+v", began, a)
	}
}
