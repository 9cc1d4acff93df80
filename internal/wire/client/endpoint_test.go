package client_test

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// A directory is a server that knows endpoints: the nth answer is data-n.
type directory struct {
	mu     sync.Mutex // guards what follows
	made   int
	answer func() (int, string) // nil: an endpoint
}

func (d *directory) set(answer func() (int, string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

func (d *directory) calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made
}

func (d *directory) client() *client.Client {
	return clientOn(func(*http.Request, map[string]any) (int, string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.made++
		if d.answer != nil {
			return d.answer()
		}
		return 200, fmt.Sprintf(`{"DataEndpoint":"http://data-%d"}`, d.made)
	})
}

func ask(t *testing.T, c *client.Client, api, want string) {
	t.Helper()
	if got, err := c.DataEndpoint(t.Context(), gate, api); got != want || err != nil {
		t.Errorf("endpoint %s, %v, want %s", got, err, want)
	}
}

func silent() (int, string) { return 0, "" }

func TestEndpointsAreKeptAndRenewedInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		c := d.client()
		defer c.Close()
		ask(t, c, client.PutMedia, "http://data-1")
		ask(t, c, client.PutMedia, "http://data-1")
		time.Sleep(27 * time.Minute)
		ask(t, c, client.PutMedia, "http://data-1")
		time.Sleep(12 * time.Minute)
		synctest.Wait()
		if d.calls() != 2 {
			t.Errorf("%d calls in 39 minutes", d.calls())
		}
		ask(t, c, client.PutMedia, "http://data-2")
		ask(t, c, client.GetMedia, "http://data-3")
	})
}

func TestAPinnedEndpointAsksNobody(t *testing.T) {
	c := client.New(client.Settings{Endpoint: "http://control", DataEndpoint: "http://media/"})
	defer c.Close()
	ask(t, c, client.PutMedia, "http://media")
	c.ForgetEndpoint(gate, client.PutMedia)
	ask(t, c, client.PutMedia, "http://media")
}

func TestEndpointsAreKeptWhileTheServerDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		c := d.client()
		defer c.Close()
		ask(t, c, client.PutMedia, "http://data-1")
		d.set(silent)
		for range 600 { // ten hours
			time.Sleep(time.Minute)
			ask(t, c, client.PutMedia, "http://data-1")
		}
		if d.calls() > 2700 {
			t.Errorf("%d calls in ten hours", d.calls())
		}
		d.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		ask(t, c, client.PutMedia, fmt.Sprintf("http://data-%d", d.calls()))
	})
}

func TestAForgottenEndpointIsAskedForAndUsedIfNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		c := d.client()
		defer c.Close()
		ask(t, c, client.PutMedia, "http://data-1")
		refused := &net.OpError{Op: "dial", Err: errNetwork}
		c.EndpointFailed(gate, client.PutMedia, refused)
		ask(t, c, client.PutMedia, "http://data-2")
		d.set(silent)
		for range 600 { // a minute of reconnects
			c.EndpointFailed(gate, client.PutMedia, refused)
			ask(t, c, client.PutMedia, "http://data-2")
			time.Sleep(100 * time.Millisecond)
		}
		if d.calls() > 120 {
			t.Errorf("%d calls in a minute", d.calls())
		}
		d.set(nil)
		time.Sleep(time.Minute)
		ask(t, c, client.PutMedia, fmt.Sprintf("http://data-%d", d.calls()))
	})
}

func TestARefusalDoesNotMakeAnEndpointForgotten(t *testing.T) {
	d := &directory{}
	c := d.client()
	defer c.Close()
	ask(t, c, client.PutMedia, "http://data-1")
	c.EndpointFailed(gate, client.PutMedia, millrace.Errorf(millrace.CodeAccessDenied, "no"))
	c.EndpointFailed(gate, client.PutMedia, millrace.Errorf(millrace.CodeRateLimit, "slowly"))
	ask(t, c, client.PutMedia, "http://data-1")
	c.EndpointFailed(gate, client.PutMedia, millrace.Errorf(millrace.CodeInvalidEndpoint, "elsewhere"))
	ask(t, c, client.PutMedia, "http://data-2")
}

func TestTheEndpointOfADeletedStreamIsNotUsed(t *testing.T) {
	d := &directory{}
	c := d.client()
	defer c.Close()
	ask(t, c, client.PutMedia, "http://data-1")
	d.set(func() (int, string) { return 404, `{"__type":"ResourceNotFoundException"}` })
	c.ForgetEndpoint(gate, client.PutMedia)
	for range 2 {
		if _, err := c.DataEndpoint(t.Context(), gate, client.PutMedia); millrace.CodeOf(err) != millrace.CodeNotFound {
			t.Errorf("%v", err)
		}
	}
	d.set(nil)
	ask(t, c, client.PutMedia, "http://data-4") // made again: nobody has to wait
}
