module example.com/skaffold-basic

go 1.22
