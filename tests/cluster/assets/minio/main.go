// Command minio is MinIO's own server, built from the module proxy for the tests.
package main

import (
	"os"

	minio "github.com/minio/minio/cmd"
)

func main() {
	minio.Main(os.Args)
}
