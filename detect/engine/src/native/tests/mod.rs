mod geo_velocity;
mod law;
mod making;
mod mass_download;
mod mass_send;
mod rows;
mod session_reuse;
mod vpn_and_cloud;
