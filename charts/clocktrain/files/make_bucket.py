"""Make the bucket of the bundled S3 server, if it is not there; runs in the operator's image after an install."""

import os
import time

from minio import Minio
from minio.error import S3Error
from urllib3.exceptions import HTTPError

LIMIT_S = 120

bucket = os.environ["BUCKET"]
client = Minio(
    os.environ["ENDPOINT"],
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=False,
)
end = time.monotonic() + LIMIT_S
while True:
    try:
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)
        break
    except (S3Error, HTTPError) as error:
        if time.monotonic() > end:
            raise SystemExit(f"the S3 server does not take the bucket {bucket}: {error}") from error
        time.sleep(2)
print(f"the bucket {bucket} is there")
