module clocktrain.dev/tests/probe

go 1.26.0
