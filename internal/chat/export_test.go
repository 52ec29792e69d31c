package chat

// Codes are the public error codes that the client knows.
func Codes() (numbers []int) {
	for number := range codes {
		numbers = append(numbers, number)
	}
	return numbers
}
