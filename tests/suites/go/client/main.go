// SPDX-License-Identifier: Apache-2.0

// A client on Go's net/http. For each check it prints a line: its name, a tab, and what was wrong,
// nothing if it passed.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	atOnce       = 100
	wantedBytes  = 8192
	checkTimeout = 20 * time.Second
)

type site struct {
	base   string
	major  int // of the version of HTTP that answers must have
	client *http.Client
}

func transport(protocol, trusted string) (*http.Transport, int, error) {
	authority, err := os.ReadFile(trusted)
	if err != nil {
		return nil, 0, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	made := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool},
		MaxIdleConnsPerHost: atOnce, Protocols: new(http.Protocols)}
	if protocol == "h2" {
		made.Protocols.SetHTTP2(true)
		made.Protocols.SetUnencryptedHTTP2(true)
		return made, 2, nil
	}
	made.Protocols.SetHTTP1(true)
	return made, 1, nil
}

// ask sends a request and reads the whole answer.
func (s *site) ask(method, path string, body io.Reader, prepare func(*http.Request)) (*http.Response, []byte, error) {
	request, err := http.NewRequest(method, s.base+path, body)
	if err != nil {
		return nil, nil, err
	}
	if prepare != nil {
		prepare(request)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != 200 || answer.ProtoMajor != s.major) {
		err = fmt.Errorf("%s %s", answer.Proto, answer.Status)
	}
	return answer, got, err
}

func (s *site) get() error {
	_, got, err := s.ask("GET", "/bytes/8192", nil, nil)
	wanted := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 400)[:wantedBytes]
	if err == nil && string(got) != wanted {
		err = errors.New("not the body asked for")
	}
	return err
}

func (s *site) postTo(path string, prepare func(*http.Request)) (*http.Response, error) {
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	answer, got, err := s.ask("POST", path, bytes.NewReader(sent), prepare)
	if err == nil && !bytes.Equal(got, sent) {
		err = errors.New("not the body sent")
	}
	return answer, err
}

func (s *site) post() error {
	_, err := s.postTo("/echo", nil)
	return err
}

func (s *site) many() error {
	var group sync.WaitGroup
	wrong := make([]error, atOnce)
	for i := range wrong {
		group.Go(func() { wrong[i] = s.get() })
	}
	group.Wait()
	return errors.Join(wrong...)
}

// mustTrail fails when the trailer is not what it should be. HTTP/1.1 may go without trailers.
func (s *site) mustTrail(answer *http.Response, wanted string) error {
	if s.major == 2 && answer.Trailer.Get("X-Trailer") != wanted {
		return fmt.Errorf("trailers: %v", answer.Trailer)
	}
	return nil
}

func (s *site) trailers() error {
	answer, got, err := s.ask("GET", "/trailers", nil,
		func(request *http.Request) { request.Header.Set("TE", "trailers") })
	if err != nil {
		return err
	}
	if len(got) != 3000 {
		return errors.New("not the body asked for")
	}
	return s.mustTrail(answer, "3000")
}

func (s *site) sendTrailers() error {
	answer, err := s.postTo("/trailers", func(request *http.Request) {
		request.ContentLength = -1 // chunked, where there are chunks
		request.Trailer = http.Header{"X-Sent": {"yes"}}
		request.Header.Set("TE", "trailers")
	})
	if err != nil {
		return err
	}
	return s.mustTrail(answer, "1048576")
}

func main() {
	base := flag.String("base", "", "http://HOST:PORT or https://HOST:PORT")
	protocol := flag.String("protocol", "h1", "h1 or h2")
	trusted := flag.String("trust", "", "a file of certificates")
	flag.Parse()
	made, major, err := transport(*protocol, *trusted)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	s := &site{*base, major, &http.Client{Transport: made, Timeout: checkTimeout}}
	for _, check := range []struct {
		name string
		run  func() error
	}{
		{"GET", s.get}, {"POST 1 MB", s.post}, {"100 at once", s.many},
		{"trailers", s.trailers}, {"trailers sent", s.sendTrailers},
	} {
		wrong := ""
		if err := check.run(); err != nil {
			wrong = strings.Join(strings.Fields(err.Error()), " ")
		}
		fmt.Printf("%s\t%s\n", check.name, wrong)
	}
}
