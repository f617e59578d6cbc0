/* A plugin of Eclipse Mosquitto 2.0 that writes into the broker's log what the broker itself keeps quiet about: who asked to be let in,
 * and who tried to publish or subscribe where the dynamic-security plugin does not allow it. Of that it decides nothing: it always defers.
 *
 * And it says no before the broker would lose something. A queue that is full is dropped from without a word, and what is dropped is still
 * acknowledged. So while the broker's heap is above `most_mib` and no gateway has said for `quiet_s` that it takes messages
 * (it publishes on TAKING), a device's message is not taken: the device is disconnected unacknowledged. It has the message still, and sends
 * it again. (Mosquitto 2.0 has no other no for a plugin but "not authorised", and to MQTT 3.1.1 not even that.)
 *
 * Loaded before the dynamic-security plugin: its log-in callback is the first one, so an attempt is in the log before its outcome. Its
 * access callback is added at the first tick, after dynamic security's: that one defers exactly when it denies.
 *
 * Lines, with tabs between the fields (MQTT strings hold no control characters, Mosquitto refuses them):
 *   vigil:attempt  USER  CLIENT  ADDRESS
 *   vigil:denied   USER  CLIENT  ADDRESS  publish|subscribe  TOPIC
 *   vigil:more     N                       N denials of that second were left out: at most DENIALS_A_SECOND are written
 *   vigil:full     MIB                     from now on no device's message is taken; the broker's heap holds so much
 *   vigil:room     N                       from now on they are again; N were not
 *
 * Mosquitto asks again for every connection when it is told to read its files again: those attempts are in the log too.
 *
 * The declarations are those of mosquitto_broker.h and mosquitto_plugin.h (plugin interface, version 5).
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DENIALS_A_SECOND 100
#define MIB 1048576
#define GATEWAY "gateway"
#define TAKING "vigil/taking"
#define DEVICES "vigil/v1/"
#define STATUS "/status"
#define MOSQ_ERR_SUCCESS 0
#define MOSQ_ERR_NOMEM 1
#define MOSQ_ERR_PLUGIN_DEFER 17
#define MOSQ_LOG_NOTICE 2
#define MOSQ_LOG_WARNING 4
#define MOSQ_ACL_WRITE 2
#define MOSQ_ACL_SUBSCRIBE 4
#define MOSQ_EVT_ACL_CHECK 2
#define MOSQ_EVT_BASIC_AUTH 3
#define MOSQ_EVT_MESSAGE 7
#define MOSQ_EVT_TICK 9
#define INTERFACE 5

struct mosquitto;
typedef struct mosquitto_plugin_id_t mosquitto_plugin_id_t;
typedef int (*callback)(int event, void *event_data, void *userdata);

struct access_check {
	void *future;
	struct mosquitto *client;
	const char *topic;
	const void *payload;
	void *properties;
	int access;
	uint32_t payloadlen;
	uint8_t qos;
	bool retain;
	void *future2[4];
};

struct log_in {
	void *future;
	struct mosquitto *client;
	char *username;
	char *password;
	void *future2[4];
};

struct message {
	void *future;
	struct mosquitto *client;
	char *topic;
	void *payload;
	void *properties;
	char *reason_string;
	uint32_t payloadlen;
	uint8_t qos;
	uint8_t reason_code;
	bool retain;
	void *future2[4];
};

struct option {
	char *key;
	char *value;
};

int mosquitto_callback_register(mosquitto_plugin_id_t *identifier, int event, callback function, const void *event_data, void *userdata);
int mosquitto_callback_unregister(mosquitto_plugin_id_t *identifier, int event, callback function, const void *event_data);
void mosquitto_log_printf(int level, const char *format, ...);
const char *mosquitto_client_id(const struct mosquitto *client);
const char *mosquitto_client_username(const struct mosquitto *client);
const char *mosquitto_client_address(const struct mosquitto *client);

static mosquitto_plugin_id_t *self;
static bool watching_access;
static time_t second;
static unsigned written, left_out;
static unsigned long most;
static time_t quiet;
static time_t taken;
static bool full;
static unsigned long not_taken;

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static bool may_write(void)
{
	time_t now = time(0);
	if(now != second){
		if(left_out) mosquitto_log_printf(MOSQ_LOG_NOTICE, "vigil:more\t%u", left_out);
		second = now;
		written = left_out = 0;
	}
	if(written < DENIALS_A_SECOND){
		written++;
		return true;
	}
	left_out++;
	return false;
}

static int on_log_in(int event, void *event_data, void *userdata)
{
	struct log_in *attempt = event_data;
	(void)event, (void)userdata;
	mosquitto_log_printf(MOSQ_LOG_NOTICE, "vigil:attempt\t%.100s\t%.100s\t%s", or_empty(attempt->username),
			or_empty(mosquitto_client_id(attempt->client)), or_empty(mosquitto_client_address(attempt->client)));
	return MOSQ_ERR_PLUGIN_DEFER;
}

static int on_access(int event, void *event_data, void *userdata)
{
	struct access_check *wish = event_data;
	(void)event, (void)userdata;
	if((wish->access == MOSQ_ACL_WRITE || wish->access == MOSQ_ACL_SUBSCRIBE) && may_write()){
		mosquitto_log_printf(MOSQ_LOG_NOTICE, "vigil:denied\t%.100s\t%.100s\t%s\t%s\t%.300s", or_empty(mosquitto_client_username(wish->client)),
				or_empty(mosquitto_client_id(wish->client)), or_empty(mosquitto_client_address(wish->client)),
				wish->access == MOSQ_ACL_WRITE ? "publish" : "subscribe", or_empty(wish->topic));
	}
	return MOSQ_ERR_PLUGIN_DEFER;
}

/* The heap as the C library counts it, once a second: the broker's own count falls with every secret that changes, below zero. */
static unsigned long heap(time_t now)
{
	static time_t looked;
	static unsigned long bytes;
	if(now != looked){
		struct mallinfo2 all = mallinfo2();
		looked = now;
		bytes = all.uordblks + all.hblkhd;
	}
	return bytes;
}

static bool is_full(void)
{
	time_t now = time(0);
	bool is = most && now - taken >= quiet && heap(now) > most;
	if(is && !full){
		not_taken = 0;
		mosquitto_log_printf(MOSQ_LOG_WARNING, "vigil:full\t%lu", heap(now) / MIB);
	}
	if(full && !is) mosquitto_log_printf(MOSQ_LOG_WARNING, "vigil:room\t%lu", not_taken);
	full = is;
	return is;
}

/* What a device says, but for its link's state: that is short, and must be right when there is room again. */
static bool is_said(const char *topic)
{
	size_t length = strlen(topic), status = strlen(STATUS);
	return !strncmp(topic, DEVICES, strlen(DEVICES)) && strcmp(topic + length - status, STATUS);
}

static int on_message(int event, void *event_data, void *userdata)
{
	struct message *m = event_data;
	const char *user = or_empty(mosquitto_client_username(m->client));
	(void)event, (void)userdata;
	if(!strcmp(user, GATEWAY)){
		if(!strcmp(m->topic, TAKING)) taken = time(0);
		return MOSQ_ERR_SUCCESS;
	}
	if(!is_said(m->topic) || !is_full()) return MOSQ_ERR_SUCCESS;
	not_taken++;
	return MOSQ_ERR_NOMEM;
}

static int on_tick(int event, void *event_data, void *userdata)
{
	(void)event, (void)event_data, (void)userdata;
	if(!watching_access){
		watching_access = true;
		return mosquitto_callback_register(self, MOSQ_EVT_ACL_CHECK, on_access, 0, 0);
	}
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions)
{
	for(int i = 0; i < count; i++){
		if(versions[i] == INTERFACE) return INTERFACE;
	}
	return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, void *options, int count)
{
	(void)userdata;
	struct option *option = options;
	for(int i = 0; i < count; i++, option++){
		if(!strcmp(option->key, "most_mib")) most = strtoul(option->value, 0, 10) * MIB;
		if(!strcmp(option->key, "quiet_s")) quiet = strtol(option->value, 0, 10);
	}
	self = identifier;
	taken = time(0);
	int wrong = mosquitto_callback_register(self, MOSQ_EVT_BASIC_AUTH, on_log_in, 0, 0);
	if(!wrong) wrong = mosquitto_callback_register(self, MOSQ_EVT_MESSAGE, on_message, 0, 0);
	return wrong ? wrong : mosquitto_callback_register(self, MOSQ_EVT_TICK, on_tick, 0, 0);
}

int mosquitto_plugin_cleanup(void *userdata, void *options, int count)
{
	(void)userdata, (void)options, (void)count;
	mosquitto_callback_unregister(self, MOSQ_EVT_BASIC_AUTH, on_log_in, 0);
	mosquitto_callback_unregister(self, MOSQ_EVT_MESSAGE, on_message, 0);
	mosquitto_callback_unregister(self, MOSQ_EVT_TICK, on_tick, 0);
	if(watching_access) mosquitto_callback_unregister(self, MOSQ_EVT_ACL_CHECK, on_access, 0);
	return MOSQ_ERR_SUCCESS;
}
