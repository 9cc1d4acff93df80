package producer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A vault makes keys that a server takes for half an hour.
type vault struct {
	server *producertest.Server

	mu     sync.Mutex // guards what follows
	made   int
	broken bool
}

var errVault = errors.New("the vault is locked")

func (v *vault) source(context.Context) (millrace.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken {
		return millrace.Credentials{}, errVault
	}
	v.made++
	k := producertest.Key{
		Credentials: millrace.Credentials{
			AccessKeyID: fmt.Sprint("ASIA", v.made), SecretAccessKey: "secret", SessionToken: fmt.Sprint("token", v.made),
			Expires: time.Now().Add(30 * time.Minute),
		},
		Expires: time.Now().Add(30 * time.Minute),
	}
	v.server.AllowKey(k)
	return k.Credentials, nil
}

// set locks the vault or opens it.
func (v *vault) set(broken bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = broken
}

// newest is the key that was made last.
func (v *vault) newest() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprint("ASIA", v.made)
}

// rotating writes a frame a second for two hours, to a server that ends calls
// after ten minutes and takes a key for thirty, and returns how many calls were
// refused.
func rotating(t *testing.T, beside func(y *yard, v *vault)) (refused int) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	yardOf(t, producertest.Config{MaxAge: 10 * time.Minute, Identity: true}, t.TempDir(), func(t *testing.T, y *yard) {
		v := &vault{server: y.server}
		y.client.Credentials = v.source
		gate := y.open("gate", producer.StreamConfig{Tracks: tracks()})
		go beside(y, v)
		f := footage(0)
		y.shoot(gate, f, 0, 7200)
		y.close(gate)
		y.compare("gate", f, 7200, nil)
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.made < 4 {
			t.Errorf("%d keys were made", v.made)
		}
		for _, e := range y.server.Events() {
			if e.Kind == producertest.CallRefused || e.Kind == producertest.Controlled && e.Status != 200 {
				refused++
			}
		}
	})
	return refused
}

func TestKeysThatChangeAreNoticedByNobody(t *testing.T) {
	if n := rotating(t, func(*yard, *vault) {}); n != 0 {
		t.Errorf("%d calls were refused", n)
	}
}

// A source that fails for a while costs nothing as long as the keys are good.
func TestKeysThatCannotBeRenewedAreUsedToTheirEnd(t *testing.T) {
	n := rotating(t, func(_ *yard, v *vault) {
		time.Sleep(31 * time.Minute)
		v.set(true)
		time.Sleep(20 * time.Minute)
		v.set(false)
	})
	if n != 0 {
		t.Errorf("%d calls were refused", n)
	}
}

// A source that fails for longer costs no more than time.
func TestKeysThatEndAreWaitedFor(t *testing.T) {
	n := rotating(t, func(_ *yard, v *vault) {
		time.Sleep(31 * time.Minute)
		v.set(true)
		time.Sleep(50 * time.Minute)
		v.set(false)
	})
	if n != 0 {
		t.Errorf("%d calls were refused", n)
	}
}

// Keys that are taken back before their end are replaced at the first refusal.
func TestKeysThatAreTakenBackAreReplaced(t *testing.T) {
	n := rotating(t, func(y *yard, v *vault) {
		time.Sleep(35 * time.Minute)
		y.server.ForgetKey(v.newest())
	})
	if n < 1 || n > 3 {
		t.Errorf("%d calls were refused", n)
	}
}
