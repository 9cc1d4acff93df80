package producer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

// ErrProxy is told to Events.Disconnected when the proxy that the environment
// names does not connect to the server: it is not there, refuses, wants other
// credentials, or does not answer. It is tried again like a server that is away.
var ErrProxy = errors.New("proxy does not connect")

// maxProxyHead bounds the head of a proxy's answer, in bytes.
const maxProxyHead = 16 << 10

// What may be wrong with a proxy.
var (
	errProxyScheme = errors.New("only http and https proxies are known here")
	errProxySlow   = fmt.Errorf("no answer within %v", dialTimeout)
	errProxyHead   = fmt.Errorf("head of the answer is longer than %d bytes", maxProxyHead)
	errProxyEarly  = errors.New("answer goes on behind its head")
)

// reachThrough makes a connection to an address through a proxy, which is asked
// to CONNECT for http endpoints too: a call with media is answered before its body
// has ended, and proxies that forward requests do not pass that on.
func (d *dialer) reachThrough(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errProxySlow)
	defer cancel()
	conn, err := d.reachProxy(ctx, proxy)
	if err == nil {
		if err = askToConnect(ctx, conn, proxy.User, address); err == nil {
			return conn, nil
		}
		_ = conn.Close() // the other error is the one that counts
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, fmt.Errorf("%w: %s to %s: %w", ErrProxy, proxy.Host, address, err)
}

// reachProxy connects to a proxy. One that speaks TLS is trusted as the server is,
// but not shown the certificate that is for the server.
func (d *dialer) reachProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	if proxy.Scheme != "http" && proxy.Scheme != "https" {
		return nil, fmt.Errorf("%w, not %s", errProxyScheme, proxy.Scheme)
	}
	conn, err := d.dial(ctx, "tcp", addressOf(proxy))
	if err != nil || proxy.Scheme == "http" {
		return conn, err
	}
	conf := d.tls.Clone()
	conf.ServerName, conf.Certificates, conf.GetClientCertificate = proxy.Hostname(), nil, nil
	return handshake(ctx, conn, conf)
}

// askToConnect has the proxy at the other end connect to an address. What comes
// over conn afterwards is of who is there.
func askToConnect(ctx context.Context, conn net.Conn, user *url.Userinfo, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes the calls below
	defer stop()
	if _, err := conn.Write(connectRequest(user, address)); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	bounded := &io.LimitedReader{R: conn, N: maxProxyHead}
	in := bufio.NewReader(bounded)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	switch {
	case err != nil && bounded.N == 0:
		return errProxyHead
	case err != nil:
		return fmt.Errorf("read answer: %w", err)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("HTTP %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case in.Buffered() > 0: // the client speaks first, in TLS and in HTTP
		return errProxyEarly
	case !stop():
		return context.Cause(ctx)
	}
	return nil
}

// connectRequest is the request of that name.
func connectRequest(user *url.Userinfo, address string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", address, address, client.UserAgent)
	if user != nil {
		password, _ := user.Password()
		secret := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		fmt.Fprintf(&b, "Proxy-Authorization: Basic %s\r\n", secret)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}
