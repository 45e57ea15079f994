module example.com/app

go 1.22

require (
	example.com/private/greeting v0.0.0
	github.com/mitchellh/go-wordwrap v1.0.1
)

replace example.com/private/greeting => ./private/greeting
