package api_test

import (
	"net/http"
	"testing"
	"time"

	servertime "github.com/millrace/millrace/internal/clock"
	"github.com/millrace/millrace/internal/store/mem"
)

func TestOnlyWhoMayDoItAcceptsTheClock(t *testing.T) {
	wall := clock()
	c := config(mem.NewControl())
	c.Clock = servertime.New(servertime.Config{
		Wall: func() time.Time { return wall }, Boot: func() time.Duration { return time.Hour },
	})
	h := newHandler(t, c)
	wall = wall.Add(time.Hour)
	for path, body := range map[string]string{
		"/millrace/v1/describeClock": `{}`,
		"/millrace/v1/acceptClock":   `{"DifferenceInMillis":3600000}`,
	} {
		if r := ask(t, h, "", http.MethodPost, path, body, nil); r.status != http.StatusForbidden {
			t.Errorf("%s unsigned: %d %s", path, r.status, r.body)
		}
		if r := ask(t, h, "guest", http.MethodPost, path, body, nil); r.status != http.StatusForbidden || r.errorType() != "AccessDeniedException" {
			t.Errorf("%s by a guest: %d %s", path, r.status, r.body)
		}
		if r := post(t, h, path, `{"DifferenceInMillis":"much"}`); path == "/millrace/v1/acceptClock" && r.status != http.StatusBadRequest {
			t.Errorf("%s with a text: %d %s", path, r.status, r.body)
		}
	}
	if s := c.Clock.Status(); s.State != servertime.Ahead {
		t.Errorf("the clock is %v", s.State)
	}
	if r := post(t, h, "/millrace/v1/acceptClock", `{"DifferenceInMillis":60000}`); r.status != http.StatusBadRequest || r.errorType() != "VersionMismatchException" {
		t.Errorf("another difference: %d %s", r.status, r.body)
	}
	if r := post(t, h, "/millrace/v1/acceptClock", `{"DifferenceInMillis":3600000}`); r.status != http.StatusOK || r.field(t, "State") != "IN_STEP" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestAServerWithoutAClockDoesNotOfferIt(t *testing.T) {
	r := post(t, newHandler(t, config(mem.NewControl())), "/millrace/v1/describeClock", `{}`)
	if r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
}
