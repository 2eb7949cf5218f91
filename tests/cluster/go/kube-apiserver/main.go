// SPDX-License-Identifier: Apache-2.0

// kube-apiserver as its own repository builds it, less the log formats and metrics of its own.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
