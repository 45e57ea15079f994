module example.com/skaffold-custom

go 1.22
