module example.com/private/greeting

go 1.22
