package api

import (
	"context"
	"net"
	"net/http"
	"strings"
)

type getDataEndpointInput struct {
	streamRef
	APIName *string `json:"APIName"`
}

type getDataEndpointOutput struct {
	DataEndpoint string `json:"DataEndpoint"`
}

// getDataEndpoint says where the stream's media calls go: here. Clients keep
// the answer for long, so it depends on nothing that changes.
func (h *Handler) getDataEndpoint(ctx context.Context, c *call) (any, error) {
	var in getDataEndpointInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	if in.APIName == nil {
		found.missing("aPIName")
	} else {
		found.oneOf("aPIName", *in.APIName,
			"PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_MEDIA_FOR_FRAGMENT_LIST",
			"GET_HLS_STREAMING_SESSION_URL", "GET_DASH_STREAMING_SESSION_URL", "GET_CLIP", "GET_IMAGES")
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if _, err := h.findActive(ctx, c, t, "GetDataEndpoint"); err != nil {
		return nil, err
	}
	return getDataEndpointOutput{h.dataEndpoint(c.request)}, nil
}

// dataEndpoint is the public address if there is one. Otherwise it is made of
// the request: several clients name no port in Host, so the port is the
// connection's. It never ends in a slash, for clients append "/putMedia".
func (h *Handler) dataEndpoint(r *http.Request) string {
	if h.config.PublicURL != "" {
		return strings.TrimRight(h.config.PublicURL, "/")
	}
	scheme, usual := "http", "80"
	if r.TLS != nil {
		scheme, usual = "https", "443"
	}
	host, port := splitHost(r.Host)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if localHost, localPort, err := net.SplitHostPort(local.String()); err == nil {
			port = localPort
			if host == "" {
				host = bracketed(localHost)
			}
		}
	}
	if port != "" && port != usual {
		host += ":" + port
	}
	return scheme + "://" + host + h.prefix
}

// splitHost splits the value of Host; the name of an IPv6 address keeps its
// brackets.
func splitHost(s string) (name, port string) {
	name, port, err := net.SplitHostPort(s)
	if err != nil {
		return s, ""
	}
	return bracketed(name), port
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
