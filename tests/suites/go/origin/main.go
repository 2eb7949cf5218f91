// SPDX-License-Identifier: Apache-2.0

// An origin of HTTP/2 in clear text whose answers have trailers. What is posted comes back, a GET
// gets 3000 bytes. The trailer X-Trailer says how many bytes it was.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
)

func answer(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Trailer", "X-Trailer")
	body := io.Reader(request.Body)
	if request.Method == http.MethodGet {
		body = strings.NewReader(strings.Repeat("t", 3000))
	}
	w.(http.Flusher).Flush() // or a short answer goes with its length, after which curl reads no more
	count, err := io.Copy(w, body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Trailer", strconv.FormatInt(count, 10))
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address and port")
	flag.Parse()
	server := &http.Server{Addr: *listen, Handler: http.HandlerFunc(answer),
		Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	log.Fatal(server.ListenAndServe())
}
