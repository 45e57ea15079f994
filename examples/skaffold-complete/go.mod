module example.com/skaffold-complete

go 1.22
