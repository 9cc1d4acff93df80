package server_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// Whose a body is shows when all of it is there. What nobody has signed must not
// be held for everybody who has a connection.
func TestLargeBodiesOfNobodyAreFew(t *testing.T) {
	const many = 150
	besiege(t, nil, func(t *testing.T, r *rig) {
		large := map[string]any{"StreamName": "victim", "More": strings.Repeat("x", 200<<10)}
		before := takeCensus()
		conns := make([]net.Conn, many)
		var work sync.WaitGroup
		for i := range conns {
			conns[i] = r.say(fmt.Sprintf("%sContent-Length: %d\r\n\r\n", postHead, wire.MaxBodySize))
			work.Go(func() {
				_ = conns[i].SetWriteDeadline(time.Now().Add(3 * time.Second)) // it may not be taken
				_, _ = conns[i].Write(make([]byte, wire.MaxBodySize-1))
			})
		}
		work.Wait()
		if each := (takeCensus().heap - before.heap) / many; each > wire.MaxBodySize/2 {
			t.Errorf("each costs %d bytes", each)
		}
		if status, out := r.call("/describeStream", map[string]any{"StreamName": "victim"}); status != http.StatusOK {
			t.Errorf("a small call beside them: %d %v", status, out)
		}
		if status, out := r.call("/describeStream", large); status != http.StatusServiceUnavailable {
			t.Errorf("a large call beside them: %d %v", status, out)
		}
		for _, conn := range conns {
			conn.Close()
		}
		for range many { // places are given back, by calls that go well too
			if status, out := r.call("/describeStream", large); status != http.StatusOK {
				t.Fatalf("a large call behind them: %d %v", status, out)
			}
		}
	})
}

// A reader stays for as long as it likes, and what it has asked with does not.
func TestReadersDoNotKeepTheirBodies(t *testing.T) {
	const readers = 20
	besiege(t, nil, func(t *testing.T, r *rig) {
		before := takeCensus()
		for range readers {
			body := `{"StreamName":"victim","StartSelector":{"StartSelectorType":"NOW"},"More":"` + strings.Repeat("x", 900<<10) + `"}`
			r.readHead(r.say(r.signedCall("/getMedia", body)))
		}
		if each := (takeCensus().heap - before.heap) / readers; each > 300<<10 {
			t.Errorf("each costs %d bytes", each)
		}
	})
}
