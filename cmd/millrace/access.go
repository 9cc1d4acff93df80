package main

import (
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/producer"
)

// access is the flags by which a command finds the server.
type access struct {
	EndpointURL string `help:"The server's address; else AWS_ENDPOINT_URL." placeholder:"URL"`
	Region      string `help:"Region to sign for; else AWS_REGION." placeholder:"REGION"`
	Profile     string `help:"Profile of the AWS files; else AWS_PROFILE." placeholder:"NAME"`
	CA          string `name:"ca" help:"Authorities to trust, PEM; else MILLRACE_CA or AWS_CA_BUNDLE." placeholder:"FILE"`
}

// resolve finds what the flags leave open in the console's environment.
func (a access) resolve(c *console) (client.Settings, error) {
	return client.Resolve(client.Settings{Endpoint: a.EndpointURL, Region: a.Region, Profile: a.Profile, CA: a.CA}, c.lookup)
}

// control makes a client for control operations.
func (a access) control(c *console) (*client.Client, error) {
	s, err := a.resolve(c)
	if err != nil {
		return nil, err
	}
	return client.New(s), nil
}

func (a access) producer(c *console) (*producer.Client, error) {
	s, err := a.resolve(c)
	if err != nil {
		return nil, err
	}
	return &producer.Client{Endpoint: s.Endpoint, Region: s.Region, Credentials: s.Credentials, TLS: s.TLS}, nil
}

func (a access) consumer(c *console) (*consumer.Client, error) {
	s, err := a.resolve(c)
	if err != nil {
		return nil, err
	}
	return &consumer.Client{Endpoint: s.Endpoint, Region: s.Region, Credentials: s.Credentials, TLS: s.TLS}, nil
}
