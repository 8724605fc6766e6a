// SPDX-License-Identifier: BSD-2-Clause
/* One direction of a relay over socket pairs: order, back-pressure, ends, fairness. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/half.h"

static struct mqg_stream from, to;
static struct mqg_half half;
static int sender, receiver;
static uint8_t scratch[MQG_CHUNK];

static void pair(struct mqg_stream *stream, int *other)
{
	int fds[2], small = 4096;

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	memset(stream, 0, sizeof(*stream));
	stream->fd = fds[0];
	mqg_stream_wake(stream, EPOLLIN | EPOLLOUT);
	*other = fds[1];
}

static int fresh(void **state)
{
	(void)state;
	pair(&from, &sender);
	pair(&to, &receiver);
	memset(&half, 0, sizeof(half));
	half.from = &from;
	half.to = &to;
	return 0;
}

static int drop(void **state)
{
	(void)state;
	mqg_half_drop(&half);
	mqg_stream_close(&from);
	mqg_stream_close(&to);
	close(sender);
	close(receiver);
	return 0;
}

/* Byte @at of what the tests send. */
static uint8_t byte(size_t at)
{
	return at * 2654435761U >> 13;
}

static size_t send_up_to(size_t at, size_t end)
{
	uint8_t chunk[1024];

	while (at < end) {
		size_t i, len = end - at < sizeof(chunk) ? end - at : sizeof(chunk);
		ssize_t n;

		for (i = 0; i < len; i++)
			chunk[i] = byte(at + i);
		n = send(sender, chunk, len, 0);
		if (n < 0)
			break;
		at += n;
	}
	return at;
}

static size_t receive(size_t at)
{
	uint8_t chunk[512];
	ssize_t n, i;

	while ((n = recv(receiver, chunk, sizeof(chunk), 0)) > 0) {
		for (i = 0; i < n; i++)
			assert_int_equal(byte(at + i), chunk[i]);
		at += n;
	}
	return at;
}

static int waiting(int fd)
{
	int bytes;

	assert_int_equal(0, ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

static void idle_keeps_no_buffer(void **state)
{
	uint64_t moved = 0;

	(void)state;
	send_up_to(0, 100);
	assert_int_equal(MQG_PUMP_WAIT, mqg_half_pump(&half, scratch, &moved));
	assert_int_equal(100, moved);
	assert_int_equal(100, receive(0));
	assert_null(half.data);
}

static void slow_receiver_holds_the_sender_back(void **state)
{
	size_t sent = 0, got = 0;
	uint64_t moved = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		sent = send_up_to(sent, 1 << 20);
		mqg_stream_wake(&from, EPOLLIN);
		assert_int_not_equal(MQG_PUMP_WRITE_FAILED,
				     mqg_half_pump(&half, scratch, &moved));
	}
	assert_true(sent < 1 << 20);
	assert_non_null(half.data);
	assert_true(half.len <= MQG_CHUNK);
	assert_int_equal(sent, moved + waiting(from.fd));

	/* What was kept goes first, and nothing is lost or twice there. */
	for (i = 0; i < 10000 && got < 1 << 20; i++) {
		sent = send_up_to(sent, 1 << 20);
		mqg_stream_wake(&from, EPOLLIN);
		mqg_stream_wake(&to, EPOLLOUT);
		mqg_half_pump(&half, scratch, &moved);
		got = receive(got);
	}
	assert_int_equal(1 << 20, got);
	assert_null(half.data);
}

static void nothing_is_read_while_something_is_kept(void **state)
{
	uint64_t moved = 0, before;
	size_t sent;
	int there;

	(void)state;
	sent = send_up_to(0, 1 << 20);
	while (mqg_half_pump(&half, scratch, &moved) == MQG_PUMP_MORE || !half.data) {
		sent = send_up_to(sent, 1 << 20);
		mqg_stream_wake(&from, EPOLLIN);
	}
	send_up_to(sent, sent + 1000);
	there = waiting(from.fd);
	assert_true(there > 0);
	before = moved;
	mqg_stream_wake(&from, EPOLLIN);
	assert_int_equal(MQG_PUMP_WAIT, mqg_half_pump(&half, scratch, &moved));
	assert_int_equal(before, moved);
	assert_int_equal(there, waiting(from.fd));
}

static void the_end_comes_after_the_last_byte(void **state)
{
	uint64_t moved = 0;

	(void)state;
	send_up_to(0, 1000);
	shutdown(sender, SHUT_WR);
	mqg_stream_wake(&from, EPOLLIN | EPOLLRDHUP);
	assert_int_equal(MQG_PUMP_END, mqg_half_pump(&half, scratch, &moved));
	assert_true(half.ended);
	assert_int_equal(1000, receive(0));
	assert_int_equal(MQG_PUMP_END, mqg_half_pump(&half, scratch, &moved));
	assert_int_equal(1000, moved);
}

/* One read a message, not two: the second would only hear that there is nothing. */
static void who_has_emptied_a_socket_waits_for_epoll(void **state)
{
	uint8_t bytes[200];

	(void)state;
	send_up_to(0, 100);
	assert_int_equal(100, mqg_stream_read(&from, bytes, sizeof(bytes)));
	send_up_to(100, 150);
	assert_int_equal(-EAGAIN, mqg_stream_read(&from, bytes, sizeof(bytes)));
	mqg_stream_wake(&from, EPOLLIN);
	assert_int_equal(50, mqg_stream_read(&from, bytes, 50));
	send_up_to(150, 160);
	assert_int_equal(10, mqg_stream_read(&from, bytes, sizeof(bytes)));
}

static void a_busy_sender_lets_others_work(void **state)
{
	int big = 1 << 20, i;
	uint64_t moved = 0;
	uint8_t *data = calloc(1, MQG_CHUNK);

	(void)state;
	setsockopt(sender, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	setsockopt(to.fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	for (i = 0; i < (int)MQG_ROUNDS + 1; i++)
		assert_int_equal(MQG_CHUNK, send(sender, data, MQG_CHUNK, 0));
	free(data);
	assert_int_equal(MQG_PUMP_MORE, mqg_half_pump(&half, scratch, &moved));
	assert_true(moved <= (uint64_t)MQG_ROUNDS * MQG_CHUNK);
	assert_true(waiting(from.fd) > 0);
	assert_int_equal(MQG_PUMP_WAIT, mqg_half_pump(&half, scratch, &moved));
	assert_int_equal((uint64_t)(MQG_ROUNDS + 1) * MQG_CHUNK, moved);
}

static void a_receiver_that_is_gone_is_told_apart(void **state)
{
	uint64_t moved = 0;

	(void)state;
	send_up_to(0, 10);
	close(receiver);
	assert_int_equal(MQG_PUMP_WRITE_FAILED, mqg_half_pump(&half, scratch, &moved));
	receiver = dup(sender);
}

static void adopted_bytes_go_first(void **state)
{
	uint8_t *data = malloc(300);
	uint64_t moved = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 300; i++)
		data[i] = byte(i);
	mqg_half_adopt(&half, data, 300);
	assert_true(half.secret);
	send_up_to(300, 400);
	assert_int_equal(MQG_PUMP_WAIT, mqg_half_pump(&half, scratch, &moved));
	assert_int_equal(400, receive(0));
	assert_int_equal(100, moved);
	assert_null(half.data);
	assert_false(half.secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(idle_keeps_no_buffer, fresh, drop),
		cmocka_unit_test_setup_teardown(slow_receiver_holds_the_sender_back, fresh, drop),
		cmocka_unit_test_setup_teardown(nothing_is_read_while_something_is_kept, fresh,
						drop),
		cmocka_unit_test_setup_teardown(the_end_comes_after_the_last_byte, fresh, drop),
		cmocka_unit_test_setup_teardown(who_has_emptied_a_socket_waits_for_epoll, fresh,
						drop),
		cmocka_unit_test_setup_teardown(a_busy_sender_lets_others_work, fresh, drop),
		cmocka_unit_test_setup_teardown(a_receiver_that_is_gone_is_told_apart, fresh, drop),
		cmocka_unit_test_setup_teardown(adopted_bytes_go_first, fresh, drop),
	};

	return cmocka_run_group_tests_name("half", tests, NULL, NULL) ? 1 : 0;
}
